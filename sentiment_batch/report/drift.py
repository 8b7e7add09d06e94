"""How far the predictions of two runs lie apart, by what their receipts keep of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from sentiment_batch.drift import stability_index
from sentiment_batch.errors import BadDataError
from sentiment_batch.locations import Location
from sentiment_batch.receipt import read_receipt
from sentiment_batch.report.statistics import Statistics, share


@dataclass(frozen=True)
class Earlier:
    """The distribution in the receipt of an earlier run: rows by label, and histograms."""

    run: str
    finished: str
    model_sha256: str
    labels: Mapping[str, int]
    mean_polarity: float | None
    truncated_share: float
    unknown_token_share: float
    confidence_edges: Sequence[float]
    confidence: Sequence[int]
    token_edges: Sequence[float]
    tokens: Sequence[int]

    @classmethod
    def read(cls, location: Location) -> Self | None:
        """None if the receipt holds no distribution; raises NoInputError, BadDataError."""
        receipt = read_receipt(location)
        found = receipt.get("distribution")
        if found is None:
            return None
        try:
            confidence, tokens = found["confidence"], found["tokens"]
            return cls(
                receipt["run"],
                receipt["finished"],
                receipt["model_sha256"],
                {str(label): int(rows) for label, rows in found["labels"].items()},
                None if found["mean_polarity"] is None else float(found["mean_polarity"]),
                float(found["truncated_share"]),
                float(found["unknown_token_share"]),
                _edges(confidence),
                [int(rows) for rows in confidence["rows"]],
                [*_edges(tokens)[:-1], math.inf],  # its last bin has no end
                [int(rows) for rows in tokens["rows"]],
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadDataError(f"{location.name}: its distribution cannot be read: {error!r}") from error

    @property
    def edges(self) -> tuple[Sequence[float], Sequence[float]]:
        """Of confidence and of tokens: what is to be compared is counted with the same."""
        return self.confidence_edges, self.token_edges


@dataclass(frozen=True)
class Shift:
    """Rows of one quantity, before and now, by the names of its bins."""

    names: Sequence[str]
    rows_before: Sequence[int]
    rows_now: Sequence[int]

    @property
    def before(self) -> list[float]:
        """Shares in [0, 1]."""
        return [share(rows, sum(self.rows_before)) for rows in self.rows_before]

    @property
    def now(self) -> list[float]:
        """Shares in [0, 1]."""
        return [share(rows, sum(self.rows_now)) for rows in self.rows_now]

    @property
    def index(self) -> float:
        """The population stability index: 0 for no shift; above 0.1 it is called moderate, above 0.2 large."""
        return stability_index(self.rows_before, self.rows_now)


@dataclass(frozen=True)
class Drift:
    earlier: Earlier
    labels: Shift
    confidence: Shift
    tokens: Shift

    @classmethod
    def between(cls, earlier: Earlier, now: Statistics) -> Self:
        """`now` was counted with the edges of `earlier`."""
        names = [*now.labels, *(label for label in earlier.labels if label not in now.total.labels)]
        return cls(
            earlier,
            Shift(names, [earlier.labels.get(name, 0) for name in names], [now.total.labels[name] for name in names]),
            Shift(spans(earlier.confidence_edges), earlier.confidence, now.confidence.rows.tolist()),
            Shift(spans(earlier.token_edges), earlier.tokens, now.tokens.rows.tolist()),
        )


def spans(edges: Sequence[float]) -> list[str]:
    """The bins between edges in words: of integers, what lies in them."""
    if all(edge == math.inf or float(edge).is_integer() for edge in edges):
        return [_whole(low, high) for low, high in pairwise(edges)]
    return [f"{low:.2f} to {high:.2f}".replace("-", "−") for low, high in pairwise(edges)]


def _whole(low: float, high: float) -> str:
    if high == math.inf:
        return f"{low:.0f} or more"
    return f"{low:.0f}" if high == low + 1 else f"{low:.0f} to {high - 1:.0f}"


def _edges(histogram: Mapping[str, Any]) -> list[float]:
    edges = [float(edge) for edge in histogram["edges"]]
    if len(edges) != len(histogram["rows"]) + 1 or any(low >= high for low, high in pairwise(edges)):
        raise ValueError("edges")
    return edges
