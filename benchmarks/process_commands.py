"""Commands that measure `sentiment-batch` as a whole process."""

from pathlib import Path

import click

from benchmarks.data import distinct_snippets
from benchmarks.options import (
    bundle_option,
    checkpoint_option,
    data_option,
    emit,
    json_option,
    lab_option,
    pictures_option,
    positive,
    repeat_option,
    seed_option,
)
from benchmarks.process import BenchmarkError


@click.command("endtoend")
@bundle_option
@click.option("--rows", type=positive, default=20_000, show_default=True)
@lab_option
@checkpoint_option
@repeat_option
@seed_option
@data_option
@json_option
def endtoend_command(
    bundle: Path | None,
    rows: int,
    lab: Path | None,
    checkpoint: Path | None,
    repeat: int,
    seed: int,
    data_folder: Path,
    json_path: Path | None,
) -> None:
    """The whole `score` process beside the scorer's own rate, and beside lab.py on the bundle's checkpoint."""
    from benchmarks.endtoend import Lab, end_to_end

    if (lab is None) != (checkpoint is None):
        raise click.UsageError("--lab and --checkpoint, that of the bundle, go together")
    texts = distinct_snippets(data_folder, seed)
    if rows > len(texts):
        raise BenchmarkError(f"there are {len(texts):,} distinct snippets: lower --rows")
    rival = Lab(lab, checkpoint) if lab and checkpoint else None
    emit(end_to_end(texts[:rows], bundle, rival, repeat), json_path)


@click.command("scaling")
@bundle_option
@click.option("--sizes", default="1000,10000,100000,1000000", show_default=True, help="Rows of the files.")
@click.option("--rows", type=positive, default=10_000, show_default=True, help="Rows for the cores.")
@repeat_option
@pictures_option
@json_option
@seed_option
@data_option
def scaling_command(
    bundle: Path | None,
    sizes: str,
    rows: int,
    repeat: int,
    pictures: Path | None,
    json_path: Path | None,
    seed: int,
    data_folder: Path,
) -> None:
    """Rows per second by cores, and the cost of a row by the size of the file."""
    from benchmarks.scaling import scaling

    texts = distinct_snippets(data_folder, seed)[:rows]
    emit(scaling(texts, [int(size) for size in sizes.split(",")], bundle, repeat, pictures), json_path)


@click.command("cluster")
@bundle_option
@click.option("--rows", type=positive, default=20_000, show_default=True, help="Rows for the real model.")
@click.option("--standin-rows", type=positive, default=200_000, show_default=True, help="Rows for the stand-in.")
@repeat_option
@seed_option
@data_option
@json_option
def cluster_command(
    bundle: Path | None,
    rows: int,
    standin_rows: int,
    repeat: int,
    seed: int,
    data_folder: Path,
    json_path: Path | None,
) -> None:
    """Two nodes of one CPU beside two threads, and what the process that feeds them takes for a row."""
    from benchmarks.cluster import cluster

    texts = distinct_snippets(data_folder, seed)
    emit(cluster(texts, rows, standin_rows, bundle, repeat), json_path)


@click.command("memory")
@click.option("--rows", type=positive, nargs=2, default=(100_000, 1_000_000), show_default=True)
@click.option("--model-rows", type=positive, default=20_000, show_default=True, help="Rows for the real model.")
@bundle_option
@repeat_option
@seed_option
@data_option
@json_option
def memory_command(
    rows: tuple[int, int],
    model_rows: int,
    bundle: Path | None,
    repeat: int,
    seed: int,
    data_folder: Path,
    json_path: Path | None,
) -> None:
    """Peak memory of the `score` process for a small and a large file."""
    from benchmarks.memory import memory

    texts = distinct_snippets(data_folder, seed)
    emit(memory(texts, *rows, model_rows, bundle, repeat), json_path)


@click.command("latency")
@bundle_option
@click.option("--repeat", type=positive, default=10, show_default=True)
@json_option
def latency_command(bundle: Path | None, repeat: int, json_path: Path | None) -> None:
    """The time that `predict` and `--help` take, from a new process to the answer."""
    from benchmarks.latency import latency

    emit(latency(bundle, repeat), json_path)
