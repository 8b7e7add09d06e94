"""Learning curves: is a training run still learning, and has it begun to overfit?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def summarize(history: Sequence[dict[str, Any]], best_step: int) -> dict[str, Any]:
    """Return `best_epoch`, its `best_accuracy` on dev, and the `gap`: how far training rows are ahead of dev there.

    `history` is a Trainer's log, with evaluations of "train" and "dev". The accuracy gap is a fraction, the loss gap is
    in nats; both grow as a model memorizes its texts.
    """
    best: dict[str, Any] = {}
    for entry in history:
        if entry["step"] == best_step:
            best |= entry
    gap = {
        "accuracy": best["eval_train_accuracy"] - best["eval_dev_accuracy"],
        "loss": best["eval_dev_loss"] - best["eval_train_loss"],
    }
    return {"best_epoch": best["epoch"], "best_accuracy": best["eval_dev_accuracy"], "gap": gap}


def save_learning_curves(history: Sequence[dict[str, Any]], best_epoch: float, path: Path) -> None:
    """Plot loss and accuracy on training and held-out rows, and mark the epoch that was kept."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    steps = _points(history, "loss")
    losses.plot(*steps, color="lightgray", label="steps, with dropout and all that is added")
    for axes, key, title in ((losses, "loss", "cross-entropy"), (accuracies, "accuracy", "accuracy")):
        train, dev = _points(history, f"eval_train_{key}"), _points(history, f"eval_dev_{key}")
        axes.plot(*train, marker=".", label="training")
        axes.plot(*dev, marker=".", label="dev")
        axes.fill_between(dev[0], train[1], dev[1], alpha=0.1, label="gap")
        axes.axvline(best_epoch, color="gray", linestyle=":", label="kept")
        axes.set(title=title, xlabel="epoch")
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _points(history: Sequence[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    found = [(entry["epoch"], entry[key]) for entry in history if key in entry]
    return [epoch for epoch, _ in found], [value for _, value in found]
