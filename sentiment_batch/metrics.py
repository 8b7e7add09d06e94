"""Metrics of prediction quality: by label, by distance between ordered labels, by side, and by calibration."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sentiment_batch.calibration import reliability


@dataclass(frozen=True)
class Metrics:
    """Values in [0, 1], except the kappa, which may be negative, and the mean absolute error, which counts labels.

    `macro_f1` is averaged over the labels that occur. `weighted_kappa` (Cohen 1968, quadratic weights) is None if
    chance alone would agree. `binary_accuracy` leaves out texts whose true label is the middle one, and takes the more
    probable side of the middle as predicted; None if no text is left. These two and `mean_absolute_error` are None for
    unordered labels. `calibration_error`: see calibration.Reliability.
    """

    rows: int
    accuracy: float
    macro_f1: float
    weighted_kappa: float | None
    mean_absolute_error: float | None
    binary_accuracy: float | None
    calibration_error: float


def measure(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], *, ordered: bool = True) -> Metrics:
    """Compare probabilities, float32 [N, K], with the true labels, int64 [N]; N ≥ 1.

    `ordered`: whether the K labels are in order.
    """
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(predicted, labels, probabilities.shape[1])
    return Metrics(
        rows=len(labels),
        accuracy=float((predicted == labels).mean()),
        macro_f1=_macro_f1(confusion),
        weighted_kappa=_weighted_kappa(confusion) if ordered else None,
        mean_absolute_error=float(np.abs(predicted - labels).mean()) if ordered else None,
        binary_accuracy=_binary_accuracy(probabilities, labels) if ordered else None,
        calibration_error=reliability(probabilities, labels).error,
    )


def confusion_matrix(
    predicted: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.int64]:
    """Count how often each of `count` true labels (rows) was predicted as each label (columns), int64 [K, K]."""
    return np.bincount(labels * count + predicted, minlength=count * count).reshape(count, count)


def _macro_f1(confusion: npt.NDArray[np.int64]) -> float:
    occurring = confusion.sum(axis=1) > 0
    scores = 2 * confusion.diagonal()[occurring] / (confusion.sum(axis=0) + confusion.sum(axis=1))[occurring]
    return float(scores.mean())


def _weighted_kappa(confusion: npt.NDArray[np.int64]) -> float | None:
    places = np.arange(len(confusion))
    weights = (places[:, None] - places) ** 2
    by_chance = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / confusion.sum()
    expected = (weights * by_chance).sum()
    return float(1 - (weights * confusion).sum() / expected) if expected else None


def _binary_accuracy(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float | None:
    places = np.arange(probabilities.shape[1])
    middle = (len(places) - 1) / 2
    positive = probabilities[:, places > middle].sum(axis=1) > probabilities[:, places < middle].sum(axis=1)
    sided = labels != middle
    return float((positive == (labels > middle))[sided].mean()) if sided.any() else None
