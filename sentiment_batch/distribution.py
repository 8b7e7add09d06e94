"""What the predictions of a run look like as a whole: sums over its scored rows, of which any two add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Self

import numpy as np
import numpy.typing as npt

# The rows from one edge up to the next; in the last bin, what is above the last edge too.
CONFIDENCE_EDGES = [round(0.05 * edge, 2) for edge in range(21)]
TOKEN_EDGES = [0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096]

# Of polarities: as integers they have the same sum in whatever order, and however divided, they are added.
_UNITS = 10**6


@dataclass(frozen=True)
class Distribution:
    """Counts of scored rows: by label, and by bins of confidence and of tokens read; how many were truncated.

    `polarity_sum`: in millionths; None where the labels have no order, or nothing was scored. `unknown_tokens`: how
    many of the tokens read are the tokenizer's stand-in for what its vocabulary has not.
    """

    labels: dict[str, int] = field(default_factory=dict)
    confidence: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    polarity_sum: int | None = None
    truncated_rows: int = 0
    unknown_tokens: int = 0

    @classmethod
    def of(
        cls,
        labels: Mapping[str, int],
        confidence: npt.NDArray[np.float32],
        polarity: npt.NDArray[np.float32] | None,
        n_tokens: npt.NDArray[np.int32],
        truncated: npt.NDArray[np.bool_],
        unknown_tokens: int = 0,
    ) -> Self:
        """Describe N scored rows: `labels` counts them, the arrays are [N] each."""
        return cls(
            dict(labels),
            histogram(confidence, CONFIDENCE_EDGES),
            histogram(n_tokens, TOKEN_EDGES),
            None if polarity is None else int(np.rint(polarity.astype(np.float64) * _UNITS).sum()),
            int(truncated.sum()),
            unknown_tokens,
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any], tokens: int) -> Self:
        """What `record` was made of: exactly, up to two thousand million rows."""
        rows = sum(record["labels"].values())
        mean = record["mean_polarity"]
        return cls(
            dict(record["labels"]),
            list(record["confidence"]["rows"]),
            list(record["tokens"]["rows"]),
            None if mean is None else round(mean * _UNITS * rows),
            round(record["truncated_share"] * rows),
            round(record["unknown_token_share"] * tokens),
        )

    def __add__(self, other: "Distribution") -> "Distribution":
        sums = [value for value in (self.polarity_sum, other.polarity_sum) if value is not None]
        names = [*self.labels, *(name for name in other.labels if name not in self.labels)]
        return Distribution(
            {name: self.labels.get(name, 0) + other.labels.get(name, 0) for name in names},
            _add(self.confidence, other.confidence),
            _add(self.tokens, other.tokens),
            sum(sums) if sums else None,
            self.truncated_rows + other.truncated_rows,
            self.unknown_tokens + other.unknown_tokens,
        )

    def record(self, tokens: int) -> dict[str, Any]:
        """For the receipt; `tokens` is how many were read in all. Edges are one more than bins."""
        rows = sum(self.labels.values())
        mean = None if self.polarity_sum is None or not rows else self.polarity_sum / (_UNITS * rows)
        return {
            "labels": self.labels,
            "mean_polarity": mean,
            "confidence": _described(CONFIDENCE_EDGES, self.confidence),
            "tokens": _described(TOKEN_EDGES, self.tokens),
            "truncated_share": self.truncated_rows / rows if rows else 0.0,
            "unknown_token_share": self.unknown_tokens / tokens if tokens else 0.0,
        }


def histogram(values: npt.NDArray[Any], edges: Sequence[float]) -> list[int]:
    """How many values lie from each edge up to the next; those beyond an outer edge are in the bin beside it."""
    bins = np.searchsorted(edges[1:-1], values.astype(np.float64), side="right")
    counts: list[int] = np.bincount(bins, minlength=len(edges) - 1).tolist()
    return counts


def _described(edges: Sequence[float], rows: Sequence[int]) -> dict[str, Any]:
    return {"edges": list(edges), "rows": _add(rows, [0] * (len(edges) - 1))}


def _add(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Nothing counted yet is an empty list."""
    return [a + b for a, b in zip_longest(first, second, fillvalue=0)]
