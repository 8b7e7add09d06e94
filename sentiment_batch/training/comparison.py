"""Compare two models on the same rows."""

from dataclasses import dataclass

import numpy as np

from sentiment_batch.training.bootstrap import intervals
from sentiment_batch.training.evaluation import Predictions


@dataclass(frozen=True)
class Comparison:
    """Accuracies on the rows that both models scored; `difference` is the first's lead, with its bootstrap interval.

    `only_first`, `only_second`: rows that only this model labels correctly. `p_value`: see `mcnemar`.
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
    return Comparison(
        rows=len(rows),
        accuracy=float(one.mean()),
        other_accuracy=float(other.mean()),
        difference=float(lead.mean()),
        interval=intervals(lambda drawn: {"difference": float(lead[drawn].mean())}, len(rows))["difference"],
        only_first=int((lead > 0).sum()),
        only_second=int((lead < 0).sum()),
        p_value=mcnemar(int((lead > 0).sum()), int((lead < 0).sum())),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's test (1947), exact and two-sided: the chance that equal models differ this much.

    Takes the number of rows that only the first, and only the second, labels correctly.
    """
    discordant = only_first + only_second
    tail, ways = 0, 1
    for wins in range(min(only_first, only_second) + 1):
        tail += ways
        ways = ways * (discordant - wins) // (wins + 1)
    return float(min(1, 2 * tail / 2**discordant))
