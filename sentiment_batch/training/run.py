"""Run a training, from checking what it needs to putting the finished checkpoint in place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiment_batch.chatter import quiet_libraries
from sentiment_batch.training.corpora import Corpus
from sentiment_batch.training.finetune import finetune, prepare
from sentiment_batch.training.identity import identity_of
from sentiment_batch.training.recipe import Recipe
from sentiment_batch.training.seeds import finetune_seeds
from sentiment_batch.training.staging import staged


def train_checkpoint(
    recipe: Recipe, corpora: Sequence[Corpus], output: Path, *, restart: bool, show_progress: bool
) -> dict[str, Any]:
    """Train on the recipe's `corpora` and put the checkpoint in `output`; returns its metrics.

    An unfinished training with the same identity is resumed. Raises as `prepare` does, before anything is written or
    removed; then as `staged` does, and DivergedError.
    """
    with quiet_libraries():
        base = prepare(recipe, corpora)
        with staged(output, identity_of(recipe, corpora), restart=restart) as folder:
            if recipe.options.seeds > 1:
                return finetune_seeds(recipe, corpora, folder, show_progress=show_progress)
            return finetune(base, recipe, corpora, folder, show_progress=show_progress)
