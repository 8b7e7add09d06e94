"""A picture of a training run: is it still learning, and has it begun to overfit?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def save_learning_curves(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw training and dev loss, and dev accuracy, over the epochs of a Trainer's log history."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    for axes, key, label in (
        (losses, "loss", "training"),
        (losses, "eval_loss", "dev"),
        (accuracies, "eval_accuracy", "dev"),
    ):
        points = [(entry["epoch"], entry[key]) for entry in history if key in entry]
        axes.plot([x for x, _ in points], [y for _, y in points], marker="." if key != "loss" else "", label=label)
    for axes, title in ((losses, "cross-entropy"), (accuracies, "accuracy")):
        axes.set(title=title, xlabel="epoch")
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
