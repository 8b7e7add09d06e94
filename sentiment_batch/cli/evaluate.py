"""`sentiment-batch evaluate`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sentiment_batch.cli.labelled import build_recipe, labelled_data_options, load_held_back
from sentiment_batch.cli.messages import printable
from sentiment_batch.cli.options import (
    build_scoring_options,
    json_option,
    model_option,
    scoring_options,
    verbose_option,
)


@click.command(short_help="Measure a model on labelled reviews.")
@labelled_data_options
@model_option
@scoring_options
@json_option
@verbose_option
def evaluate(
    files: tuple[Path, ...],
    recipe_file: Path | None,
    data_folder: Path,
    text_column: str | None,
    label_column: str | None,
    group_column: str | None,
    model: Path | None,
    as_json: bool,
    **scoring: Any,
) -> None:
    """Print accuracy, macro-F1 and binary accuracy (without the middle label) on labelled data.

    With --data every row counts; with --recipe the parts that training held back.

    \b
    Examples:
      sentiment-batch evaluate --data labelled.csv --label-column stars
      sentiment-batch evaluate --model bundle/ --recipe recipes/default.toml --data-folder data/ --json
    """
    from sentiment_batch.scoring import Scorer
    from sentiment_batch.training.evaluation import evaluate as measure_on

    with Scorer.load(model, build_scoring_options(**scoring)) as scorer:
        recipe = build_recipe(files, recipe_file, text_column, label_column, group_column, scorer.bundle.labels)
        results = {
            name: asdict(measure_on(scorer, texts))
            for name, texts in load_held_back(recipe, data_folder, split=recipe_file is not None).items()
        }
    if as_json:
        click.echo(json.dumps({"model_sha256": scorer.bundle.sha256, "results": results}, indent=2))
        return
    for name, metrics in results.items():
        binary = metrics["binary_accuracy"]
        click.echo(
            f"{printable(name)}: {metrics['rows']:,} rows, accuracy {metrics['accuracy']:.2%}, "
            f"macro-F1 {metrics['macro_f1']:.2%}" + (f", binary accuracy {binary:.2%}" if binary is not None else "")
        )
