"""Options that the commands share, and how they print their results."""

import json
from pathlib import Path

import click

from benchmarks.report import Report
from sentiment_batch.cli.options import together

existing_file = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
existing_folder = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)
positive = click.IntRange(min=1)

seed_option = click.option("--seed", default=0, show_default=True, help="Draws and composes the texts.")
json_option = click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures to this file."
)
pictures_option = click.option("--pictures", type=existing_folder, help="Draw PNG pictures in this folder.")
bundle_option = click.option(
    "--bundle", type=existing_folder, help="Bundle to score with.  [default: the embedded model]"
)
checkpoint_option = click.option("--checkpoint", type=existing_folder, help="The model as transformers loads it.")
lab_option = click.option("--lab", type=existing_file, help="Path of lab.py, another program to measure beside.")
repeat_option = click.option("--repeat", type=positive, default=3, show_default=True)
data_option = click.option(
    "--data-folder",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    default=lambda: Path("~/.cache/sentiment-batch").expanduser(),
    help="Where the fetched snippets are kept.  [default: ~/.cache/sentiment-batch]",
)


# The sources of `workloads.Texts`.
workload_options = together(
    click.option("--short", type=existing_file, help="Texts for the short workload.  [default: movie snippets]"),
    click.option("--long", type=existing_file, help="Texts for the long workload."),
    click.option("--reviews", type=existing_folder, help="Folder with imdb/train.jsonl.gz and kaggle/*.tsv."),
    data_option,
    seed_option,
)


def emit(report: Report, json_path: Path | None) -> None:
    """Print the Markdown, and write the facts to `json_path` if given."""
    click.echo(report.markdown)
    if json_path is not None:
        json_path.write_text(json.dumps(report.facts, indent=2) + "\n", "utf-8")
