"""`sentiment-batch evaluate`."""

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sentiment_batch.cli.labelled import build_recipe, labelled_data_options, load_held_back, warn_of_training_data
from sentiment_batch.cli.messages import notes, printable
from sentiment_batch.cli.options import (
    json_option,
    model_option,
    scoring_options,
    show_progress,
    verbose_option,
)


@click.command(short_help="Measure a model on labelled reviews.")
@labelled_data_options
@model_option
@click.option("--against", type=click.Path(path_type=Path), help="Another model to compare with, on the same rows.")
@click.option("--compare-long-text", is_flag=True, help="Also try each --long-text on texts with too many tokens.")
@click.option("--behaviour", is_flag=True, help="Test negation, contrast, typos and so on: 200 English cases.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder for report.json and pictures (extra: train)."
)
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
    against: Path | None,
    compare_long_text: bool,
    behaviour: bool,
    output: Path | None,
    as_json: bool,
    **scoring: Any,
) -> None:
    """Measure a model on labelled data: accuracy, F1, kappa, calibration, confusion and accuracy by length.

    --data measures on every row, --recipe on the parts held out from training. The intervals in parentheses are
    95 % intervals from 1,000 resamples. Rows of one group (--group-column), such as the phrases of a sentence, are
    resampled together, and compared together with those of --against.

    Labels must be the names of the model's labels, or their positions, counted from 0. For other values, such as
    stars from 1, use a recipe with a label_map.

    \b
    Examples:
      sentiment-batch evaluate --data labelled.csv --label-column verdict
      sentiment-batch evaluate --model bundle/ --recipe recipes/default.toml --data-folder data/ --json
      sentiment-batch evaluate --model bundle/ --against older/ --data labelled.csv
      sentiment-batch evaluate --data labelled.csv --compare-long-text
      sentiment-batch evaluate --model bundle/ --behaviour
    """
    from sentiment_batch.cli.extras import require_extra
    from sentiment_batch.errors import CannotWriteError
    from sentiment_batch.scoring import Scorer, ScoringOptions
    from sentiment_batch.text import LongText
    from sentiment_batch.training.pictures import save_pictures
    from sentiment_batch.training.report import Report

    if output:
        require_extra("train", "matplotlib")
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWriteError(f"{output}: {error.strerror}") from error
    options = ScoringOptions(**scoring)
    cuts = tuple(LongText) if compare_long_text else ()
    with ExitStack() as stack:
        scorer = stack.enter_context(Scorer.load(model, options))
        other = stack.enter_context(Scorer.load(against, options)) if against else None
        cutting = {cut: stack.enter_context(Scorer.load(model, replace(options, long_text=cut))) for cut in cuts}
        samples = {}
        if files or recipe_file or against or cuts or not behaviour:
            recipe = build_recipe(files, recipe_file, text_column, label_column, group_column, scorer.bundle.labels)
            samples = load_held_back(recipe, data_folder, split=recipe_file is not None)
            warn_of_training_data(files, scorer.bundle.trained_on)
            if other:
                warn_of_training_data(files, other.bundle.trained_on, "the other model")
        report = Report.of(
            scorer,
            samples,
            other,
            cutting,
            behaviour=behaviour,
            progress=notes(quiet=not show_progress(quiet=False)),
        )
    record = json.dumps(report.record(), ensure_ascii=False, indent=2)
    if output:
        (output / "report.json").write_text(record + "\n", "utf-8")
        save_pictures(report, output)
    click.echo(record if as_json else "\n".join(map(printable, report.lines())))
