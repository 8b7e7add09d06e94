"""Keep the few most extreme of any number of rows."""

import heapq
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MAX_CHARACTERS = 600


@dataclass(frozen=True, order=True)
class Review:
    """A scored row. The greater of two has the higher `rank` or, if equal, is the earlier (`negated_row`, from 0).

    `text`: the beginning of a text of `characters` characters; None if the output does not hold it.
    """

    rank: float
    negated_row: int
    digest: int = field(compare=False)
    prediction: dict[str, Any] = field(compare=False)
    text: str | None = field(compare=False)
    characters: int = field(compare=False)

    @property
    def row(self) -> int:
        """The row's number, from 1."""
        return 1 - self.negated_row


class Extremes:
    """The `most` rows with the highest (`sign` 1) or lowest (-1) values in a column; a repeated text counts once."""

    def __init__(self, most: int, column: str, sign: int) -> None:
        self._most, self._column, self._sign = most, column, sign
        self._heap: list[Review] = []
        self._digests: set[int] = set()

    def add(self, batch: pa.RecordBatch, first: int) -> None:
        """Consider the rows of a batch; `first` is the number of its first row, from 0."""
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
        shown = text and text[:_MAX_CHARACTERS]
        review = Review(rank, -row, digest, values, shown, len(text or ""))
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, review)
        else:
            self._digests.discard(heapq.heapreplace(self._heap, review).digest)
        self._digests.add(digest)
