"""The chunk: a bounded run of rows, a function of the input alone. It is the unit of bucketing and of memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

CHUNK_ROWS = 8192
CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Chunk:
    """Rows in their order.

    `texts`: what is to be scored. `records`: the columns that the output keeps. `lines`: the rows as the JSON objects
    that they were read from, when the output is to hold them unchanged; `records` then has no columns.
    `names`: every column name that the output keeps.
    """

    texts: list[str | None]
    records: pa.RecordBatch
    names: tuple[str, ...]
    lines: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)


def rechunk(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches and cut large ones, so that each is as full as the bounds of a chunk allow."""
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        for piece in _cut(batch):
            rows = sum(held.num_rows for held in pending) + piece.num_rows
            size = sum(held.nbytes for held in pending) + piece.nbytes
            if pending and (rows > CHUNK_ROWS or size > CHUNK_BYTES):
                yield pa.concat_batches(pending)
                pending = []
            pending.append(piece)
    if pending:
        yield pa.concat_batches(pending)


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows > 1 and (batch.num_rows > CHUNK_ROWS or batch.nbytes > CHUNK_BYTES):
        middle = batch.num_rows // 2
        yield from _cut(batch.slice(0, middle))
        yield from _cut(batch.slice(middle))
    elif batch.num_rows:
        yield batch
