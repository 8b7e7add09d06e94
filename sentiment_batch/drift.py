"""How far the predictions of a run have drifted from those of an earlier one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.formats import is_known
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.receipt import Predictions, Receipt, read_receipt

# Above 0.1 a shift is usually called moderate, above 0.2 large (Siddiqi 2006, "Credit Risk Scorecards").
LARGE_SHIFT = 0.2

# Added to every bin on both sides: one that is empty on one side would make the index infinite.
_ROWS_ADDED = 0.5

# Of a normal distribution, how many standard deviations.
_ONE_OF_A_THOUSAND = 3.09


@dataclass(frozen=True)
class Drift:
    """The drift from an earlier run to this one.

    `labels`, `confidence`, `tokens`: population stability indices, 0 if nothing has changed. `by_chance`: see
    `index_by_chance`, for each of them. The others are differences, in their own units; that of the mean polarity is
    None if either run has none.
    """

    labels: float
    confidence: float
    tokens: float
    mean_polarity: float | None
    truncated_share: float
    unknown_token_share: float
    by_chance: dict[str, float]

    @classmethod
    def between(cls, before: Predictions, now: Predictions) -> "Drift":
        labels = [*before["labels"], *(label for label in now["labels"] if label not in before["labels"])]
        means = before["mean_polarity"], now["mean_polarity"]
        rows = {
            "labels": [[found["labels"].get(label, 0) for label in labels] for found in (before, now)],
            "confidence": [before["confidence"]["rows"], now["confidence"]["rows"]],
            "tokens": [before["tokens"]["rows"], now["tokens"]["rows"]],
        }
        return cls(
            stability_index(*rows["labels"]),
            stability_index(*rows["confidence"]),
            stability_index(*rows["tokens"]),
            None if means[0] is None or means[1] is None else means[1] - means[0],
            now["truncated_share"] - before["truncated_share"],
            now["unknown_token_share"] - before["unknown_token_share"],
            {name: index_by_chance(*histograms) for name, histograms in rows.items()},
        )

    @property
    def indices(self) -> dict[str, float]:
        """The stability indices by name, the largest first."""
        found = {"labels": self.labels, "confidence": self.confidence, "tokens": self.tokens}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @property
    def large(self) -> dict[str, float]:
        """Those that are large, and larger than by chance."""
        return {name: index for name, index in self.indices.items() if index > max(LARGE_SHIFT, self.by_chance[name])}


def stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the population stability index of two histograms over the same bins.

    It is the sum of (p - q) ln(p / q) over their smoothed shares p and q. Bins that are empty in both are left out:
    with numbers of rows that differ widely, half a row in each would be a shift.
    """
    pairs = _filled(before, now)
    shares = zip(_shares([first for first, _ in pairs]), _shares([second for _, second in pairs]), strict=True)
    return sum((p - q) * math.log(p / q) for p, q in shares)


def index_by_chance(before: Sequence[int], now: Sequence[int]) -> float:
    """Return what the index of two histograms of rows of one kind exceeds in one of a thousand cases.

    It is distributed as (1 / N + 1 / M) χ² for N and M rows, with a degree of freedom fewer than there are filled bins
    (Yurdakul and Naranjo 2020, "Statistical properties of the population stability index"). The quantile of χ² is
    Wilson and Hilferty's (1931).
    """
    degrees = len(_filled(before, now)) - 1
    if degrees < 1 or not sum(before) or not sum(now):
        return 0.0
    spread = 2 / (9 * degrees)
    return (1 / sum(before) + 1 / sum(now)) * degrees * (1 - spread + _ONE_OF_A_THOUSAND * math.sqrt(spread)) ** 3


def read_earlier(location: Location) -> Receipt:
    """Read the receipt of the run to compare with.

    Raises UsageError for an output instead; NoInputError if there is none; BadDataError if it is not a receipt, or its
    run scored nothing.
    """
    output = Output.at(location)
    if output.is_folder or is_known(location.file_name):
        raise UsageError(f"{location.name} is not a receipt: name that of an output, such as {output.receipt.name}")
    receipt = read_receipt(location)
    if not sum(receipt["distribution"]["labels"].values()):
        raise BadDataError(f"{location.name} has no predictions to compare with: name the receipt of another run")
    return receipt


def _filled(before: Sequence[int], now: Sequence[int]) -> list[tuple[int, int]]:
    return [pair for pair in zip(before, now, strict=True) if any(pair)]


def _shares(rows: Sequence[int]) -> list[float]:
    total = sum(rows) + _ROWS_ADDED * len(rows)
    return [(count + _ROWS_ADDED) / total for count in rows]
