"""Compare a scored output's predictions with the distribution in an earlier run's receipt."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from sentiment_batch.drift import index_by_chance, stability_index
from sentiment_batch.receipt import Receipt
from sentiment_batch.report.statistics import Histogram, Statistics, share


@dataclass(frozen=True)
class Shift:
    """Numbers of rows per bin of one quantity, before and now; `names` are those of the bins."""

    names: Sequence[str]
    rows_before: Sequence[int]
    rows_now: Sequence[int]

    @property
    def before(self) -> list[float]:
        """The shares of the bins before, in [0, 1]."""
        return [share(rows, sum(self.rows_before)) for rows in self.rows_before]

    @property
    def now(self) -> list[float]:
        """The shares of the bins now, in [0, 1]."""
        return [share(rows, sum(self.rows_now)) for rows in self.rows_now]

    @property
    def index(self) -> float:
        """The population stability index: 0 is no shift; above 0.1 is called a moderate one, above 0.2 a large one."""
        return stability_index(self.rows_before, self.rows_now)

    @property
    def by_chance(self) -> float:
        """What the index seldom exceeds if nothing has shifted: see drift.index_by_chance."""
        return index_by_chance(self.rows_before, self.rows_now)


@dataclass(frozen=True)
class Shifts:
    earlier: Receipt
    labels: Shift
    confidence: Shift
    tokens: Shift

    @classmethod
    def between(cls, earlier: Receipt, now: Statistics) -> Self:
        before = earlier["distribution"]
        names = [*now.labels, *(label for label in before["labels"] if label not in now.total.labels)]
        return cls(
            earlier,
            Shift(names, [before["labels"].get(name, 0) for name in names], [now.total.labels[name] for name in names]),
            _shift(before["confidence"]["rows"], now.confidence),
            _shift(before["tokens"]["rows"], now.tokens),
        )


def _shift(before: Sequence[int], now: Histogram) -> Shift:
    """Compare two histograms over the same bins, which receipts use too."""
    return Shift(spans(now.edges), before, now.rows.tolist())


def spans(edges: Sequence[float]) -> list[str]:
    """Describe the bins between edges in words; bins of integers by the integers in them."""
    if all(edge == math.inf or float(edge).is_integer() for edge in edges):
        return [_whole(low, high) for low, high in pairwise(edges)]
    return [f"{low:.2f} to {high:.2f}".replace("-", "−") for low, high in pairwise(edges)]


def _whole(low: float, high: float) -> str:
    if high == math.inf:
        return f"{low:.0f} or more"
    return f"{low:.0f}" if high == low + 1 else f"{low:.0f} to {high - 1:.0f}"
