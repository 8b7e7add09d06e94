"""`sentiment-batch train`."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from sentiment_batch.cli.labelled import build_recipe, labelled_data_options
from sentiment_batch.cli.messages import say
from sentiment_batch.cli.options import quiet_option, restart_option, show_progress, verbose_option


@click.command(short_help="Fine-tune a BERT checkpoint (extra: train).")
@labelled_data_options
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder for the checkpoint.")
@click.option("--base", help="Folder or hub id of the checkpoint to start from.")
@click.option("--labels", help="Label names from most negative to most positive, separated by commas.  [default: five]")
@click.option("--epochs", type=float)
@click.option("--learning-rate", type=float)
@click.option(
    "--layer-decay", type=float, help="Ratio of a layer's learning rate to that of the layer above.  [default: 1]"
)
@click.option("--freeze-layers", type=click.IntRange(min=0), help="Do not train embeddings and N lowest layers.")
@click.option("--batch-size", type=click.IntRange(min=1))
@click.option("--gradient-accumulation", type=click.IntRange(min=1), help="Batches per step.  [default: 1]")
@click.option("--max-tokens", type=click.IntRange(min=3))
@click.option(
    "--balanced", "class_weights", flag_value="balanced", help="Give all labels the same weight, however rare."
)
@click.option("--label-smoothing", type=float, help="Share of each label spread over all labels.  [default: 0]")
@click.option("--r-drop", type=float, help="Weight of the divergence of two dropout passes.  [default: 0]")
@click.option("--ema-decay", type=float, help="Keep a moving average of the weights, such as 0.999.  [default: 0]")
@click.option("--teacher", "teachers", multiple=True, help="Checkpoint folder to distil from. Repeatable.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after N evaluations without improvement.")
@click.option("--seed", type=int)
@click.option("--seeds", type=click.IntRange(min=1), help="Train N times, report the spread, keep the best on dev.")
@click.option("--force", is_flag=True, help="Replace an existing checkpoint.")
@restart_option
@quiet_option
@verbose_option
def train(
    files: tuple[Path, ...],
    recipe_file: Path | None,
    data_folder: Path,
    output: Path,
    base: str | None,
    labels: str | None,
    text_column: str | None,
    label_column: str | None,
    group_column: str | None,
    force: bool,
    restart: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Fine-tune a BERT-family checkpoint on labelled reviews, from --data or from a --recipe.

    \b
    Examples:
      sentiment-batch train --data train.tsv --output checkpoint/
      sentiment-batch train --data train.tsv --teacher checkpoint/ --r-drop 1 --seeds 3 --output student/
      sentiment-batch train --recipe recipes/default.toml --data-folder data/ --output checkpoint/

    After an interruption, the same command continues from the last evaluation. The checkpoint
    appears when it is complete.
    """
    from sentiment_batch.cli.extras import require_extra

    require_extra("train", "torch", "transformers", "accelerate", "matplotlib")
    from sentiment_batch.errors import ConfigurationError
    from sentiment_batch.training.corpora import load_corpus
    from sentiment_batch.training.run import train_checkpoint
    from sentiment_batch.training.staging import require_writable

    names = None if labels is None else tuple(name.strip() for name in labels.split(","))
    if names and (len(set(names)) < 2 or "" in names):
        raise click.UsageError("--labels needs at least two different names, none of them empty")
    recipe = build_recipe(files, recipe_file, text_column, label_column, group_column, names)
    given = {name: value for name, value in settings.items() if value not in (None, ())}  # named as in a recipe
    try:
        training = dataclasses.replace(recipe.options, **given)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    recipe = dataclasses.replace(recipe, base=base or recipe.base, options=training)
    require_writable(output, force=force)
    corpora = [load_corpus(spec, data_folder, recipe.labels) for spec in recipe.corpora]
    metrics = train_checkpoint(recipe, corpora, output, restart=restart, show_progress=show_progress(quiet))
    if not quiet:
        _tell(metrics)
        say(f"written to {output}")


def _tell(metrics: dict[str, Any]) -> None:
    if seeds := metrics.get("seeds"):
        say(
            f"{len(seeds['accuracy'])} seeds: accuracy {seeds['mean']:.1%} ± {seeds['stdev']:.1%} on dev, "
            f"the best is {seeds['best']}"
        )
    epoch, gap = metrics["best_epoch"], metrics["gap"]["accuracy"]
    comparison = "less" if gap < 0 else "more"
    say(f"kept: epoch {epoch:.2f}, {abs(gap):.1%} {comparison} accurate on training rows than on held-out ones")
    for name, measured in metrics["dev"].items():
        say(f"{name}: accuracy {measured['eval_accuracy']:.1%} on {measured['eval_rows']} held-out rows")
