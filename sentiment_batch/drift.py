"""How far the predictions of a run have drifted from those of an earlier one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_batch.errors import BadDataError
from sentiment_batch.locations import Location
from sentiment_batch.receipt import Predictions, Receipt, read_receipt

# Above 0.1 a shift is usually called moderate, above 0.2 large (Siddiqi 2006, "Credit Risk Scorecards").
LARGE_SHIFT = 0.2

# Added to every bin on both sides: an empty one would make the index infinite.
_ROWS_ADDED = 0.5


@dataclass(frozen=True)
class Drift:
    """The drift from an earlier run to this one.

    `labels`, `confidence`, `tokens`: population stability indices, 0 if nothing has changed. The others are
    differences, in their own units; that of the mean polarity is None if either run has none.
    """

    labels: float
    confidence: float
    tokens: float
    mean_polarity: float | None
    truncated_share: float
    unknown_token_share: float

    @classmethod
    def between(cls, before: Predictions, now: Predictions) -> "Drift":
        labels = [*before["labels"], *(label for label in now["labels"] if label not in before["labels"])]
        means = before["mean_polarity"], now["mean_polarity"]
        return cls(
            stability_index(*([found["labels"].get(label, 0) for label in labels] for found in (before, now))),
            stability_index(before["confidence"]["rows"], now["confidence"]["rows"]),
            stability_index(before["tokens"]["rows"], now["tokens"]["rows"]),
            None if means[0] is None or means[1] is None else means[1] - means[0],
            now["truncated_share"] - before["truncated_share"],
            now["unknown_token_share"] - before["unknown_token_share"],
        )

    @property
    def indices(self) -> dict[str, float]:
        """The stability indices by name, the largest first."""
        found = {"labels": self.labels, "confidence": self.confidence, "tokens": self.tokens}
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the population stability index of two histograms over the same bins.

    It is the sum of (p - q) ln(p / q) over their smoothed shares p and q.
    """
    return sum((p - q) * math.log(p / q) for p, q in zip(_shares(before), _shares(now), strict=True))


def read_earlier(location: Location) -> Receipt:
    """Read the receipt of the run to compare with.

    Raises NoInputError if there is none; BadDataError if it is not a receipt, or its run scored nothing.
    """
    receipt = read_receipt(location)
    if not sum(receipt["distribution"]["labels"].values()):
        raise BadDataError(f"{location.name} has no predictions to compare with: name the receipt of another run")
    return receipt


def _shares(rows: Sequence[int]) -> list[float]:
    total = sum(rows) + _ROWS_ADDED * len(rows)
    return [(count + _ROWS_ADDED) / total for count in rows]
