"""Metrics of prediction quality: by label, by distance between ordered labels, by side, and by calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sentiment_batch.arrays import FloatArray, IntegerArray
from sentiment_batch.calibration import reliability
from sentiment_batch.labels import places_in_order


@dataclass(frozen=True)
class Metrics:
    """Values in [0, 1], except the kappa, which may be negative, and the mean absolute error, which counts labels.

    `macro_f1` is averaged over the labels that occur. `weighted_kappa` (Cohen 1968, quadratic weights) is None if
    chance alone would agree. `binary_accuracy` leaves out texts whose true label is neutral, and takes the more
    probable side, negative or positive, as predicted; None if no text is left, or no label is on one of the sides.
    These two and `mean_absolute_error` are None for labels without polarities. `calibration_error`: see
    calibration.Reliability.
    """

    rows: int
    accuracy: float
    macro_f1: float
    weighted_kappa: float | None
    mean_absolute_error: float | None
    binary_accuracy: float | None
    calibration_error: float


def measure(probabilities: FloatArray, labels: IntegerArray, polarities: Sequence[float] | None) -> Metrics:
    """Compare probabilities, float32 [N, K], with the true labels, int64 [N]; N ≥ 1.

    `polarities` are those of the K labels, which are in order by them, wherever they stand.
    """
    predicted = probabilities.argmax(axis=1)
    places = None if polarities is None else np.array(places_in_order(polarities))
    confusion = confusion_matrix(predicted, labels, probabilities.shape[1])
    return Metrics(
        rows=len(labels),
        accuracy=float((predicted == labels).mean()),
        macro_f1=_macro_f1(confusion),
        weighted_kappa=None if places is None else _weighted_kappa(confusion, places),
        mean_absolute_error=None if places is None else float(np.abs(places[predicted] - places[labels]).mean()),
        binary_accuracy=None if polarities is None else _binary_accuracy(probabilities, labels, np.sign(polarities)),
        calibration_error=reliability(probabilities, labels).error,
    )


def confusion_matrix(predicted: IntegerArray, labels: IntegerArray, count: int) -> IntegerArray:
    """Count how often each of `count` true labels (rows) was predicted as each label (columns), int64 [K, K]."""
    return np.bincount(labels * count + predicted, minlength=count * count).reshape(count, count)


def _macro_f1(confusion: IntegerArray) -> float:
    occurring = confusion.sum(axis=1) > 0
    scores = 2 * confusion.diagonal()[occurring] / (confusion.sum(axis=0) + confusion.sum(axis=1))[occurring]
    return float(scores.mean())


def _weighted_kappa(confusion: IntegerArray, places: IntegerArray) -> float | None:
    weights = (places[:, None] - places) ** 2
    by_chance = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / confusion.sum()
    expected = (weights * by_chance).sum()
    return float(1 - (weights * confusion).sum() / expected) if expected else None


def _binary_accuracy(probabilities: FloatArray, labels: IntegerArray, sides: npt.NDArray[np.float64]) -> float | None:
    if not {-1, 1} <= set(sides):
        return None
    positive = probabilities[:, sides > 0].sum(axis=1) > probabilities[:, sides < 0].sum(axis=1)
    sided = sides[labels] != 0
    return float((positive == (sides[labels] > 0))[sided].mean()) if sided.any() else None
