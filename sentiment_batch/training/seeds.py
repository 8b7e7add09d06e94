"""Several runs that differ by seed alone: how much of a result is chance, and the best of them on dev."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from sentiment_batch.training.corpora import Corpus
from sentiment_batch.training.finetune import finetune
from sentiment_batch.training.recipe import Recipe


def finetune_seeds(
    recipe: Recipe, corpora: Sequence[Corpus], output: Path, *, resume: bool, show_progress: bool
) -> dict[str, Any]:
    """As `finetune`, once a seed in `output/seed-N`; the checkpoint that is best on dev is left in `output`.

    The metrics are those of the best run, with `seeds`: each one's accuracy on dev, their mean and standard deviation.
    """
    first = recipe.options.seed
    runs = {}
    for seed in range(first, first + recipe.options.seeds):
        once = dataclasses.replace(recipe, options=dataclasses.replace(recipe.options, seed=seed, seeds=1))
        runs[seed] = finetune(once, corpora, output / f"seed-{seed}", resume=resume, show_progress=show_progress)
    accuracies = {seed: metrics["best_accuracy"] for seed, metrics in runs.items()}
    best = max(accuracies, key=accuracies.__getitem__)
    spread = {"accuracy": accuracies, "mean": fmean(accuracies.values()), "stdev": stdev(accuracies.values())}
    metrics = runs[best] | {"seeds": spread | {"best": best}}
    for path in (output / f"seed-{best}").iterdir():
        if path.is_file():
            shutil.copy2(path, output)
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    return metrics
