"""How far the predictions of a run are from those of an earlier one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_batch.distribution import CONFIDENCE_EDGES, TOKEN_EDGES
from sentiment_batch.errors import BadDataError
from sentiment_batch.locations import Location
from sentiment_batch.receipt import read_receipt

# Above 0.1 a shift is usually called moderate, above 0.2 large (Siddiqi 2006, "Credit Risk Scorecards").
LARGE_SHIFT = 0.2

# As if half a row more stood in every bin, on both sides: an empty one would make the index infinite.
_ROWS_ADDED = 0.5


@dataclass(frozen=True)
class Drift:
    """From an earlier run to this one: population stability indices, 0 where nothing moved, of labels, confidence and
    lengths; differences of the mean polarity and of shares, in their own units. A mean is None where there was none.
    """

    labels: float
    confidence: float
    tokens: float
    mean_polarity: float | None
    truncated_share: float
    unknown_token_share: float

    @classmethod
    def between(cls, before: Mapping[str, Any], now: Mapping[str, Any]) -> "Drift":
        """Of two distributions as receipts hold them."""
        labels = [*before["labels"], *(label for label in now["labels"] if label not in before["labels"])]
        means = [distribution["mean_polarity"] for distribution in (before, now)]
        return cls(
            stability_index(*([found["labels"].get(label, 0) for label in labels] for found in (before, now))),
            stability_index(before["confidence"]["rows"], now["confidence"]["rows"]),
            stability_index(before["tokens"]["rows"], now["tokens"]["rows"]),
            None if None in means else means[1] - means[0],
            now["truncated_share"] - before["truncated_share"],
            now["unknown_token_share"] - before["unknown_token_share"],
        )

    @property
    def indices(self) -> dict[str, float]:
        """Those that have moved furthest first."""
        found = {"labels": self.labels, "confidence": self.confidence, "tokens": self.tokens}
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two histograms over the same bins: the sum of (p - q) ln(p / q) over their
    smoothed shares p and q.
    """
    return sum((p - q) * math.log(p / q) for p, q in zip(_shares(before), _shares(now), strict=True))


def read_distribution(receipt: Location) -> dict[str, Any]:
    """That of an earlier run.

    Raises NoInputError if there is no receipt; BadDataError if nothing was scored, or counted in other bins.
    """
    found = read_receipt(receipt).get("distribution")
    if not found or not sum(found["labels"].values()):
        raise BadDataError(f"{receipt.name} tells of no predictions to compare to: name the receipt of another run")
    if (found["confidence"]["edges"], found["tokens"]["edges"]) != (CONFIDENCE_EDGES, TOKEN_EDGES):
        raise BadDataError(f"{receipt.name} counts in other bins than this version: name the receipt of another run")
    return dict(found)


def _shares(rows: Sequence[int]) -> list[float]:
    total = sum(rows) + _ROWS_ADDED * len(rows)
    return [(count + _ROWS_ADDED) / total for count in rows]
