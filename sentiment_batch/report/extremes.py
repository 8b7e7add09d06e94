"""The few rows that stand out, of any number."""

import heapq
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MOST_CHARACTERS = 600


@dataclass(frozen=True, order=True)
class Review:
    """A scored row: the `rank` by which it was chosen, then the earliest; `row` counts from 0, negated.

    `text` is None where the output does not hold it, and its beginning where it is long: `characters` is its length.
    """

    rank: float
    negated_row: int
    digest: int = field(compare=False)
    prediction: dict[str, Any] = field(compare=False)
    text: str | None = field(compare=False)
    characters: int = field(compare=False)

    @property
    def row(self) -> int:
        """Counted from 1."""
        return 1 - self.negated_row


class Extremes:
    """The `most` rows with the highest (`sign` 1) or lowest (-1) values in a column; a text that comes again, once."""

    def __init__(self, most: int, column: str, sign: int) -> None:
        self._most, self._column, self._sign = most, column, sign
        self._heap: list[Review] = []
        self._digests: set[int] = set()

    def add(self, batch: pa.RecordBatch, first: int) -> None:
        """Rows from number `first`, counted from 0, on."""
        ranks = pc.multiply(batch[self._column].cast(pa.float64()), self._sign)
        candidates = pc.is_valid(ranks)
        if len(self._heap) == self._most:
            candidates = pc.and_(candidates, pc.greater(ranks, self._heap[0].rank if self._heap else float("inf")))
        for place in pc.indices_nonzero(pc.fill_null(candidates, False)).to_pylist():
            rank = ranks[place].as_py()
            if len(self._heap) == self._most and rank <= self._heap[0].rank:
                continue
            self._keep(rank, first + place, batch.slice(place, 1).to_pylist()[0])

    def best(self) -> list[Review]:
        """The most extreme first; of equals, the earliest."""
        return sorted(self._heap, reverse=True)

    def _keep(self, rank: float, row: int, values: dict[str, Any]) -> None:
        text = values.pop("text")
        digest = hash(text) if text is not None else row
        if digest in self._digests:
            return
        shown = text and text[:_MOST_CHARACTERS]
        review = Review(rank, -row, digest, values, shown, len(text or ""))
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, review)
        else:
            self._digests.discard(heapq.heapreplace(self._heap, review).digest)
        self._digests.add(digest)
