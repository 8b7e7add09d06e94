"""The command line of the benchmarks: parse, measure, print Markdown, write JSON."""

import json
from pathlib import Path

import click

from benchmarks.data import distinct_snippets, long_workload, short_workload
from benchmarks.process import BenchmarkError
from benchmarks.report import Report

_existing_file = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
_existing_folder = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)

_data_option = click.option(
    "--data-folder",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    default=lambda: Path("~/.cache/sentiment-batch").expanduser(),
    help="Where the fetched snippets are kept.  [default: ~/.cache/sentiment-batch]",
)
_seed_option = click.option("--seed", default=0, show_default=True, help="Draws and composes the texts.")
_json_option = click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures to this file."
)
_bundle_option = click.option(
    "--bundle", type=_existing_folder, help="Bundle to score with.  [default: the embedded model]"
)
_repeat_option = click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True)
_positive = click.IntRange(min=1)


@click.group()
def main() -> None:
    """Measure the worker: Markdown on stdout, progress on stderr."""


@main.command("throughput")
@click.option("--checkpoint", type=_existing_folder, required=True, help="The model as transformers loads it.")
@click.option("--bundle", type=_existing_folder, required=True, help="The same model, exported.")
@click.option("--short", type=_existing_file, help="Texts for the short workload.  [default: movie snippets]")
@click.option("--long", type=_existing_file, help="Texts for the long workload.")
@click.option("--reviews", type=_existing_folder, help="Folder with imdb/train.jsonl.gz, for the long workload.")
@click.option(
    "--rows",
    type=_positive,
    default=4000,
    show_default=True,
    help="Rows of the short workload; the long has a quarter.",
)
@click.option("--only", type=click.Choice(["short", "long"]), help="Leave out the other workload.")
@_repeat_option
@_seed_option
@_data_option
@_json_option
def throughput_command(
    checkpoint: Path,
    bundle: Path,
    short: Path | None,
    long: Path | None,
    reviews: Path | None,
    rows: int,
    only: str | None,
    repeat: int,
    seed: int,
    data_folder: Path,
    json_path: Path | None,
) -> None:
    """Rows per second beside the transformers pipeline, on short and on long texts."""
    from benchmarks.contenders import Setting
    from benchmarks.throughput import throughput
    from sentiment_batch.bundle import read_config
    from sentiment_batch.hardware import usable_cores

    workloads = []
    if only != "long":
        workloads.append(short_workload(data_folder, short).sample(rows, seed))
    if only != "short":
        workloads.append(long_workload(data_folder, reviews, long, seed).sample(max(1, rows // 4), seed))
    _, max_tokens = read_config(checkpoint / "config.json")
    setting = Setting(checkpoint, bundle, usable_cores().count, min(max_tokens, 512))
    _emit(throughput(workloads, setting, repeat), json_path)


@main.command("endtoend")
@_bundle_option
@click.option("--rows", type=_positive, default=20_000, show_default=True)
@_repeat_option
@_seed_option
@_data_option
@_json_option
def endtoend_command(
    bundle: Path | None, rows: int, repeat: int, seed: int, data_folder: Path, json_path: Path | None
) -> None:
    """The whole `score` process beside the scorer's own rate."""
    from benchmarks.endtoend import end_to_end

    texts = distinct_snippets(data_folder, seed)
    if rows > len(texts):
        raise BenchmarkError(f"there are {len(texts):,} distinct snippets: lower --rows")
    _emit(end_to_end(texts[:rows], bundle, repeat), json_path)


@main.command("memory")
@click.option("--rows", type=_positive, nargs=2, default=(100_000, 1_000_000), show_default=True)
@click.option("--model-rows", type=_positive, default=20_000, show_default=True, help="Rows for the real model.")
@_bundle_option
@_repeat_option
@_seed_option
@_data_option
@_json_option
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
    _emit(memory(texts, *rows, model_rows, bundle, repeat), json_path)


@main.command("latency")
@_bundle_option
@click.option("--repeat", type=_positive, default=10, show_default=True)
@_json_option
def latency_command(bundle: Path | None, repeat: int, json_path: Path | None) -> None:
    """The time that `predict` and `--help` take, from a new process to the answer."""
    from benchmarks.latency import latency

    _emit(latency(bundle, repeat), json_path)


def _emit(report: Report, json_path: Path | None) -> None:
    click.echo(report.markdown)
    if json_path is not None:
        json_path.write_text(json.dumps(report.facts, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
