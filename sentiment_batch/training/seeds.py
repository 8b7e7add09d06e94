"""Train with several seeds, to see how much of a result is chance and to keep the run that is best on dev."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from sentiment_batch.training.corpora import Corpus
from sentiment_batch.training.finetune import finetune, prepare
from sentiment_batch.training.recipe import Recipe
from sentiment_batch.training.sealing import SEAL
from sentiment_batch.training.staging import METRICS


def finetune_seeds(recipe: Recipe, corpora: Sequence[Corpus], folder: Path, *, show_progress: bool) -> dict[str, Any]:
    """Run `finetune` once per seed in `folder/seed-N`, and copy the best checkpoint on dev to `folder/checkpoint`.

    All checkpoints are copied into that too, as `seed-N/`. The metrics are the best run's, with `seeds`: each run's
    accuracy on dev, their mean and standard deviation.
    """
    first = recipe.options.seed
    runs = {}
    for seed in range(first, first + recipe.options.seeds):
        once = dataclasses.replace(recipe, options=dataclasses.replace(recipe.options, seed=seed, seeds=1))
        base = prepare(once, corpora)
        runs[seed] = finetune(base, once, corpora, folder / f"seed-{seed}", show_progress=show_progress)
    accuracies = {seed: metrics["best_accuracy"] for seed, metrics in runs.items()}
    best = max(accuracies, key=accuracies.__getitem__)
    spread = {"accuracy": accuracies, "mean": fmean(accuracies.values()), "stdev": stdev(accuracies.values())}
    metrics = runs[best] | {"seeds": spread | {"best": best}}
    checkpoint, unsealed = folder / "checkpoint", shutil.ignore_patterns(SEAL)
    shutil.rmtree(checkpoint, ignore_errors=True)
    shutil.copytree(folder / f"seed-{best}" / "checkpoint", checkpoint, ignore=unsealed)
    (checkpoint / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    for seed in runs:
        shutil.copytree(folder / f"seed-{seed}" / "checkpoint", checkpoint / f"seed-{seed}", ignore=unsealed)
    return metrics
