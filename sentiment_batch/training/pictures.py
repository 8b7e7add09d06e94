"""Plots of an evaluation: confusion between labels, calibration, accuracy by length, and behaviour."""

from pathlib import Path
from typing import Any

from sentiment_batch.training.evaluation import Evaluation
from sentiment_batch.training.report import Report


def save_pictures(report: Report, folder: Path) -> None:
    """Write evaluation.png, a row of panels for each sample, and behaviour.png; raises OSError. Needs matplotlib."""
    from matplotlib.figure import Figure

    if report.evaluations:
        figure = Figure(figsize=(15, 4.5 * len(report.evaluations)), layout="constrained")
        rows = figure.subfigures(len(report.evaluations), squeeze=False)[:, 0]
        for row, (name, evaluation) in zip(rows, report.evaluations.items(), strict=True):
            row.suptitle(f"{name}: {evaluation.metrics.rows:,} texts")
            confusion, calibration, lengths = row.subplots(1, 3)
            _draw_confusion(confusion, evaluation, report.model.labels)
            _draw_calibration(calibration, evaluation)
            _draw_lengths(lengths, evaluation)
        figure.savefig(folder / "evaluation.png", dpi=100)
    if report.behaviour:
        figure = Figure(figsize=(8, 6), layout="constrained")
        axes = figure.subplots()
        shares = [outcome.passed / outcome.cases for outcome in report.behaviour.values()]
        axes.barh(list(report.behaviour), shares)
        axes.set(title="behaviour", xlabel="cases as expected", xlim=(0, 1))
        axes.invert_yaxis()
        figure.savefig(folder / "behaviour.png", dpi=100)


def _draw_confusion(axes: Any, evaluation: Evaluation, labels: tuple[str, ...]) -> None:
    counts = evaluation.confusion
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in ((row, column) for row in range(len(labels)) for column in range(len(labels))):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=shade)
    axes.set(title="labels", xlabel="given", ylabel="true")
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)


def _draw_calibration(axes: Any, evaluation: Evaluation) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for title, found in (("unscaled", evaluation.unscaled), ("scaled", evaluation.scaled)):
        filled = found.rows > 0
        label = f"{title}: error {found.error:.1%}"
        axes.plot(found.confidence[filled], found.accuracy[filled], marker=".", label=label)
    axes.set(title="calibration", xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend()


def _draw_lengths(axes: Any, evaluation: Evaluation) -> None:
    groups = evaluation.by_length
    names = [f"≤ {group.up_to}" if group.up_to else f"> {group.above}" for group in groups]
    bars = axes.bar(names, [group.accuracy for group in groups])
    axes.bar_label(bars, [f"{group.rows:,}" for group in groups])
    axes.set(title="accuracy by length", xlabel="tokens", ylim=(0, 1))
