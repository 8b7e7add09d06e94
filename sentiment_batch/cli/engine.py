"""Where `score` scores: on the threads of this process, or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sentiment_batch.cli.extras import require_extra
from sentiment_batch.cli.options import together

if TYPE_CHECKING:
    from sentiment_batch.scoring import Scorer

engine_options = together(
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Score on threads of this machine, or on a Ray cluster.",
    ),
    click.option(
        "--ray-address",
        envvar="RAY_ADDRESS",
        show_envvar=True,
        metavar="HOST:PORT",
        help="Address of the Ray cluster.  [default: start one on this machine]",
    ),
)


@contextmanager
def open_scorer(engine: str, ray_address: str | None, model: Path | None, **scoring: Any) -> "Iterator[Scorer]":
    """The scorer that the options name; raises ConfigurationError if it cannot be had."""
    from sentiment_batch.scoring import Scorer, ScoringOptions

    options = ScoringOptions(**scoring)
    if engine == "local":
        # In the environment it may be meant for other programs, so it is ignored there.
        if click.get_current_context().get_parameter_source("ray_address") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--ray-address requires --engine ray")
        with Scorer.load(model, options) as scorer:
            yield scorer
        return
    require_extra("ray", "ray")
    from sentiment_batch.cluster import ClusterScorer, connected

    if ray_address and options.threads:
        raise click.UsageError("a cluster has threads of its own: leave out --threads")
    with connected(ray_address, options.threads), ClusterScorer.load(model, options) as scorer:
        yield scorer
