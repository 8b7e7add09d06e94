"""The temperature that a bundle's probabilities are scaled with, fitted on the samples that have labels."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiment_batch.calibration import error_by_chance, reliability
from sentiment_batch.export.sample import EncodedSample
from sentiment_batch.metrics import confusion_matrix
from sentiment_batch.temperature import UNSCALED, Temperature

Probabilities = Mapping[str, npt.NDArray[np.float32]]

# From a phrase to a review, each four times as long as the one before: a model is seldom equally sure of each.
_LENGTHS = (4, 16, 64, 256)
# By so much the logarithm of the temperature is expected to differ from 0, and from one length to the next. It matters
# where texts are few, and decides where there are none.
_DEVIATION = 0.25
# Samples of so many texts count the same, whatever their size. A smaller one does not, for it is chance to that extent.
_EQUAL_FROM = 1000
_LIMIT = np.log(10)
_PRECISION = 1e-3


@dataclass(frozen=True)
class ScoredSample:
    """N texts: a graph's probabilities float32 [N, K], lengths int64 [N], true labels int64 [N].

    `in_first_half`: bool [N], by a hash of the text's tokens, so that equal texts are in the same half.
    """

    probabilities: npt.NDArray[np.float32]
    n_tokens: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    in_first_half: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def scaled(self, temperature: Temperature) -> npt.NDArray[np.float32]:
        return temperature.scale(self.probabilities, self.n_tokens)

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """True labels in rows, given ones in columns, int64 [K, K]."""
        return confusion_matrix(self.probabilities.argmax(axis=1), self.labels, self.probabilities.shape[1])

    def half(self, *, first: bool) -> "ScoredSample":
        rows = self.in_first_half == first
        return ScoredSample(self.probabilities[rows], self.n_tokens[rows], self.labels[rows], self.in_first_half[rows])

    def loss(self, temperature: Temperature) -> float:
        """The mean negative log-likelihood of the true labels."""
        shares = self.scaled(temperature)[np.arange(len(self)), self.labels]
        return float(-np.log(np.maximum(shares, np.finfo(np.float32).tiny)).mean())


def labelled(samples: Mapping[str, EncodedSample], probabilities: Probabilities) -> dict[str, ScoredSample]:
    """The samples that have labels, with what a graph says of them."""
    return {
        name: ScoredSample(probabilities[name], sample.n_tokens, sample.labels, _in_first_half(sample))
        for name, sample in samples.items()
        if sample.labels is not None
    }


def fit_temperature(samples: Mapping[str, ScoredSample], equal_from: int = _EQUAL_FROM) -> Temperature:
    """The temperature with the least negative log-likelihood; 1 without samples.

    Every sample counts the same, but none of its texts more than once: one of less than `equal_from` counts for less.

    Found by compass search: a step up or down at one of the lengths while that helps, then steps of half the size.
    """
    filled = {name: sample for name, sample in samples.items() if len(sample)}
    if not filled:
        return UNSCALED
    most = max(equal_from, min(map(len, filled.values())))

    def at(logarithms: npt.NDArray[np.float64]) -> Temperature:
        return Temperature(_LENGTHS, tuple(np.exp(logarithms).tolist()), tuple(filled))

    def loss(logarithms: npt.NDArray[np.float64]) -> float:
        surprise = ((np.diff(logarithms, prepend=0) / _DEVIATION) ** 2).sum() / 2
        temperature = at(logarithms)
        losses = [min(len(sample), most) * sample.loss(temperature) for sample in filled.values()]
        return float(surprise + sum(losses))

    directions = np.vstack([np.eye(len(_LENGTHS)), -np.eye(len(_LENGTHS))])
    best, step = np.zeros(len(_LENGTHS)), 0.5
    while step > _PRECISION:
        nearby = min(np.clip(best + step * directions, -_LIMIT, _LIMIT), key=loss)
        if loss(nearby) < loss(best):
            best = nearby
        else:
            step /= 2
    return at(best)


def calibration_records(samples: Mapping[str, ScoredSample], temperature: Temperature) -> dict[str, dict[str, Any]]:
    """For each sample its expected calibration error, without and with the temperature.

    `other_half`: each half of the texts at the temperature that was fitted on the other half of all samples.
    `by_chance`: what to expect of a perfectly calibrated model.
    """
    on_first, on_second = (
        fit_temperature({name: sample.half(first=first) for name, sample in samples.items()}, _EQUAL_FROM // 2)
        for first in (True, False)
    )
    records = {}
    for name, sample in samples.items():
        scaled = sample.scaled(temperature)
        crossed = np.where(sample.in_first_half[:, None], sample.scaled(on_second), sample.scaled(on_first))
        records[name] = {
            "unscaled": reliability(sample.probabilities, sample.labels).error,
            "scaled": reliability(scaled, sample.labels).error,
            "other_half": reliability(crossed, sample.labels).error,
            "by_chance": error_by_chance(scaled),
        }
    return records


def _in_first_half(sample: EncodedSample) -> npt.NDArray[np.bool_]:
    digests = (hashlib.sha256(np.array(sequence, "<i8").tobytes()).digest() for sequence in sample.sequences)
    return np.array([digest[0] < 128 for digest in digests], dtype=np.bool_)
