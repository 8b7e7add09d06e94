"""`sentiment-batch train`."""

import dataclasses
from pathlib import Path
from typing import Any

import click

from sentiment_batch.cli.labelled import build_recipe, labelled_data_options
from sentiment_batch.cli.messages import say
from sentiment_batch.cli.options import quiet_option, show_progress, verbose_option


@click.command(short_help="Fine-tune a BERT checkpoint (extra: train).")
@labelled_data_options
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder for the checkpoint.")
@click.option("--base", help="Folder or hub id of the checkpoint to start from.")
@click.option("--labels", help="Label names from most negative to most positive, separated by commas.  [default: five]")
@click.option("--epochs", type=float)
@click.option("--learning-rate", type=float)
@click.option("--batch-size", type=click.IntRange(min=1))
@click.option("--max-tokens", type=click.IntRange(min=3))
@click.option("--seed", type=int)
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint in the output folder.")
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
    epochs: float | None,
    learning_rate: float | None,
    batch_size: int | None,
    max_tokens: int | None,
    seed: int | None,
    resume: bool,
    quiet: bool,
) -> None:
    """Fine-tune a BERT-family checkpoint on labelled reviews, from --data or from a --recipe.

    \b
    Examples:
      sentiment-batch train --data train.tsv --output checkpoint/
      sentiment-batch train --recipe recipes/default.toml --data-folder data/ --output checkpoint/
    """
    from sentiment_batch.cli.extras import require_extra

    require_extra("train", "torch", "transformers", "accelerate", "matplotlib")
    from sentiment_batch.training.corpora import load_corpus
    from sentiment_batch.training.finetune import finetune

    names = tuple(labels.split(",")) if labels else None
    if names and len(set(names)) < 2:
        raise click.UsageError("--labels takes two different names at least")
    recipe = build_recipe(files, recipe_file, text_column, label_column, group_column, names)
    given: dict[str, Any] = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    recipe = dataclasses.replace(
        recipe,
        base=base or recipe.base,
        options=dataclasses.replace(recipe.options, **{k: v for k, v in given.items() if v is not None}),
    )
    corpora = [load_corpus(spec, data_folder, recipe.labels) for spec in recipe.corpora]
    metrics = finetune(recipe, corpora, output, resume=resume, show_progress=show_progress(quiet))
    if not quiet:
        for name, measured in metrics["dev"].items():
            say(f"{name}: accuracy {measured['eval_accuracy']:.1%} on {measured['eval_rows']} held-back rows")
        say(f"written to {output}")
