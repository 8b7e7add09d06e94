"""Calibration: whether a model's confidence matches its accuracy."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BINS = 15
_DRAWS = 200


class Reliability(NamedTuple):
    """Texts in bins of equal width, by the confidence of the predicted label: bin k holds (k/15, (k+1)/15].

    `rows`: texts per bin, int64 [15]. `confidence`, `accuracy`: means per bin, float64 [15], NaN in an empty bin.
    """

    rows: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean of |accuracy - confidence| over the bins, weighted by rows."""
        return float(np.nansum(np.abs(self.accuracy - self.confidence) * self.rows) / self.rows.sum())


def reliability(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Reliability:
    """Bin N ≥ 1 texts by the confidence of their label; probabilities float32 [N, K], true labels int64 [N]."""
    return _binned(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)


def error_by_chance(probabilities: npt.NDArray[np.float32]) -> float:
    """Return the calibration error that a perfectly calibrated model would show on so few texts.

    The mean over 200 seeded draws of which texts are labelled correctly.
    """
    confidence, random = probabilities.max(axis=1), np.random.default_rng(0)
    return float(
        np.mean([_binned(confidence, random.random(len(confidence)) < confidence).error for _ in range(_DRAWS)])
    )


def _binned(confidence: npt.NDArray[np.float32], correct: npt.NDArray[np.bool_]) -> Reliability:
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        means = [np.bincount(bins, values, BINS) / rows for values in (confidence, correct)]
    return Reliability(rows, *means)
