"""A run whose end stands in a metrics file, however it ends; but for a kill, which leaves the file as it was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_batch.cli.messages import warn
from sentiment_batch.cli.outcome import TOLERATED, Outcome
from sentiment_batch.errors import CannotWriteError

if TYPE_CHECKING:
    from sentiment_batch.drift import Drift
    from sentiment_batch.summary import Progress


@dataclass
class Meter:
    """What the run has found out about itself so far."""

    model_sha256: str | None = None
    drift: "Drift | None" = None


@contextmanager
def metered(path: Path | None, progress: "Progress") -> Iterator[Meter]:
    """Write the metrics of what happens in the block to `path`, if there is one.

    Raises CannotWriteError if that cannot be done; where the block fails too, what it raised comes first, and a warning
    speaks of the metrics.
    """
    meter, started = Meter(), time.time()
    try:
        yield meter
    except BaseException as error:
        code = Outcome.of(error).exit_code
        try:
            _write(path, progress, meter, started, code)
        except CannotWriteError as failure:
            if code == TOLERATED:
                raise
            warn(str(failure))
        raise
    _write(path, progress, meter, started, 0)


def _write(path: Path | None, progress: "Progress", meter: Meter, started: float, exit_code: int) -> None:
    if not path:
        return
    from sentiment_batch.prometheus import RunMetrics, write_metrics

    succeeded = exit_code in {0, TOLERATED}
    metrics = RunMetrics(
        progress.tally, started, time.time(), progress.seconds, exit_code, succeeded, meter.model_sha256, meter.drift
    )
    try:
        write_metrics(path, metrics)
    except CannotWriteError as error:
        raise CannotWriteError(f"{error}: metrics are not written{', but all rows are' * succeeded}") from error
