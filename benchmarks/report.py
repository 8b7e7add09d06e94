"""Repeated measurements as a median with its range, and tables in Markdown."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

MEGABYTE = 1e6


@dataclass(frozen=True)
class Spread:
    """The median, the minimum and the maximum of some measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))

    def show(self, digits: int = 0, unit: float = 1) -> str:
        """`median (low–high)`, each divided by `unit`."""
        median, low, high = (f"{value / unit:,.{digits}f}" for value in (self.median, self.low, self.high))
        return f"{median} ({low}–{high})"


@dataclass(frozen=True)
class Report:
    """The result of a command: Markdown for people, and the same in full as facts for JSON."""

    markdown: str
    facts: dict[str, Any]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column aligned to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
