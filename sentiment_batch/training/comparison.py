"""Compare two models on the same rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sentiment_batch.training.bootstrap import intervals
from sentiment_batch.training.evaluation import Predictions


@dataclass(frozen=True)
class Comparison:
    """Accuracies on the rows that both models scored; `difference` is the first's lead, with its bootstrap interval.

    `only_first`, `only_second`: rows that only this model labels correctly. `p_value`: see `chance_of`.
    """

    rows: int
    accuracy: float
    other_accuracy: float
    difference: float
    interval: tuple[float, float]
    only_first: int
    only_second: int
    p_value: float


def compare(first: Predictions, second: Predictions) -> Comparison:
    """Compare predictions of two models on the same sample."""
    rows, in_first, in_second = np.intersect1d(first.rows, second.rows, assume_unique=True, return_indices=True)
    one, other = (
        (model.probabilities.argmax(axis=1) == model.labels)[places]
        for model, places in ((first, in_first), (second, in_second))
    )
    lead = one.astype(np.int64) - other
    groups = first.groups[in_first]
    return Comparison(
        rows=len(rows),
        accuracy=float(one.mean()),
        other_accuracy=float(other.mean()),
        difference=float(lead.mean()),
        interval=intervals(lambda drawn: {"difference": float(lead[drawn].mean())}, groups)["difference"],
        only_first=int((lead > 0).sum()),
        only_second=int((lead < 0).sum()),
        p_value=chance_of(np.bincount(groups, lead).astype(np.int64)),
    )


def chance_of(leads: npt.NDArray[np.int64]) -> float:
    """Return the p-value of the leads of groups, int64 [groups]: how many rows more the first model labels correctly.

    It is the chance that the sum is as far from 0 if each group's lead had been either model's: exact and two-sided.
    Where every group is one row, this is McNemar's test (1947).
    """
    shares = np.ones(1)  # of the sums of leads, from the lowest up in steps of 2
    for size, count in zip(*np.unique(np.abs(leads[leads != 0]), return_counts=True), strict=True):
        before, heads = shares, _binomial(count)
        shares = np.zeros(len(before) + size * count)
        for first in range(min(size, len(before))):  # each sum moves on by this size
            shares[first::size] = np.convolve(before[first::size], heads)
    sums = np.arange(len(shares)) * 2 - (len(shares) - 1)
    return float(min(1, shares[np.abs(sums) >= abs(leads.sum())].sum()))


def _binomial(count: int) -> npt.NDArray[np.float64]:
    """The shares of 0 to `count` heads among so many tosses, float64 [count + 1]; in logarithms, for there are many."""
    heads = np.arange(1, count + 1)
    ways = np.concatenate([[0], np.cumsum(np.log((count - heads + 1) / heads))])
    shares: npt.NDArray[np.float64] = np.exp(ways - count * np.log(2))
    return shares
