"""Chunks: bounded runs of rows that depend on the input alone; the unit of bucketing and of memory."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.errors import BadDataError, SentimentBatchError
from sentiment_batch.sources.reject import Reject

Row = TypeVar("Row")

CHUNK_ROWS = 8192
CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Chunk:
    """Rows in input order; there may be none if there are rejects.

    `texts`: the texts to score. `records`: the columns kept in the output. `lines`: the rows' original JSON objects, if
    the output is to hold them unchanged; `records` then has no columns. `rejects`: the unreadable records between these
    rows and up to the next chunk, in order. `reject_of`: makes a reject of a row, given its number and a reason.
    `input`: index of the job's input that all this comes from. `place`: the chunk's own index in the job.
    """

    texts: list[str | None]
    records: pa.RecordBatch
    reject_of: Callable[[int, str], Reject]
    lines: list[str] | None = None
    rejects: tuple[Reject, ...] = ()
    input: int = 0
    place: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def without(self, reasons: Mapping[int, str]) -> "Chunk":
        """Return the chunk with the rows in `reasons`, by number, as rejects; its `reject_of` must not be used."""
        if not reasons:
            return self
        kept = [row for row in range(len(self)) if row not in reasons]
        rejects = [*self.rejects, *(self.reject_of(row, reason) for row, reason in reasons.items())]
        return replace(
            self,
            texts=[self.texts[row] for row in kept],
            records=drop_rows(self.records, reasons) if self.records.num_columns else self.records,
            lines=self.lines and [self.lines[row] for row in kept],
            rejects=tuple(sorted(rejects, key=Reject.place)),
        )

    @cached_property
    def sha256(self) -> str:
        """The SHA-256, in hex, of everything that was read."""
        content = io.BytesIO()
        with pa.ipc.new_stream(content, self.records.schema) as stream:
            stream.write_batch(self.records)
        digest = hashlib.sha256(content.getbuffer())
        for item in (*self.texts, *(self.lines or ()), *(reject.raw for reject in self.rejects)):
            encoded = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item or b""
            digest.update(b"%d:%b" % (-1 if item is None else len(encoded), encoded))
        return digest.hexdigest()


def drop_rows(batch: pa.RecordBatch, rows: Iterable[int]) -> pa.RecordBatch:
    """Drop rows by joining the slices between them: Arrow cannot filter every type."""
    edges = pairwise([-1, *sorted(rows), batch.num_rows])
    return pa.concat_batches([batch.slice(before + 1, after - before - 1) for before, after in edges])


class Readable(Protocol):
    """Gives all its records in chunks, in order.

    `rows`: how many they are, rejects included; None until that is known, at the latest when all are read.
    """

    @property
    def rows(self) -> int | None: ...

    def chunks(self) -> Iterator[Chunk]: ...


def without_rejects(source: Readable) -> Iterator[Chunk]:
    """The chunks, for a caller that needs every record; raises BadDataError at the first reject."""
    count = 0
    for chunk in source.chunks():
        for reject in chunk.rejects:
            raise BadDataError(str(reject))
        count += len(chunk)
        yield chunk
    require_all(count, source.rows)


def require_all(records: int, total: int | None) -> None:
    """Raise SentimentBatchError if there are not `total` records; None: their end was not reached.

    Where memory runs out, CPython may take a generator that could not go on for one that is done.
    """
    if records != total:
        there = "more" if total is None else f"{total:,}"
        raise SentimentBatchError(
            f"{records:,} records are accounted for, of {there}: run the same command again, with more memory"
        )


def chunked(items: Iterable[tuple[Row | Reject, int]]) -> Iterator[tuple[list[Row], list[Reject]]]:
    """Group rows and rejects, each given with its size in bytes, into chunks; the bounds apply to both together."""
    rows: list[Row] = []
    rejects: list[Reject] = []
    size = 0
    for item, item_size in items:
        count = len(rows) + len(rejects)
        if count and (count == CHUNK_ROWS or size + item_size > CHUNK_BYTES):
            yield rows, rejects
            rows, rejects, size = [], [], 0
        if isinstance(item, Reject):
            rejects.append(item)
        else:
            rows.append(item)
        size += item_size
    if rows or rejects:
        yield rows, rejects


def rechunk(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches and cut large ones, so that each is as full as the bounds of a chunk allow."""
    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        for piece in _cut(batch):
            piece_size = size_of(piece)
            if pending and (rows + piece.num_rows > CHUNK_ROWS or size + piece_size > CHUNK_BYTES):
                yield pa.concat_batches(pending)
                pending, rows, size = [], 0, 0
            pending.append(piece)
            rows += piece.num_rows
            size += piece_size
    if pending:
        yield pa.concat_batches(pending)


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows > 1 and (batch.num_rows > CHUNK_ROWS or size_of(batch) > CHUNK_BYTES):
        middle = batch.num_rows // 2
        yield from _cut(batch.slice(0, middle))
        yield from _cut(batch.slice(middle))
    elif batch.num_rows:
        yield batch


def size_of(batch: pa.RecordBatch) -> int:
    """Return the bytes of the values; `nbytes` would count all values behind a slice of a dictionary or of views."""
    return sum(map(_column_size, batch.columns))


def lengths_of(column: pa.Array) -> pa.Array:
    """Return the length of each text in bytes, whatever its Arrow type; null for null."""
    if pa.types.is_dictionary(column.type):
        return pc.take(pc.binary_length(column.dictionary), column.indices)
    return pc.binary_length(column.cast(pa.large_binary()) if pa.types.is_string_view(column.type) else column)


def _column_size(column: pa.Array) -> int:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return pc.sum(lengths_of(column)).as_py() or 0
    if _holds_dictionary(kind):
        return sum(map(_column_size, _children(column)))
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.large_binary())
    return int(column.nbytes)


def _holds_dictionary(kind: pa.DataType) -> bool:
    """Whether values within those of a nested type are encoded by a dictionary."""
    within = (kind.field(place).type for place in range(kind.num_fields))
    return any(pa.types.is_dictionary(inner) or _holds_dictionary(inner) for inner in within)


def _children(column: pa.Array) -> list[pa.Array]:
    """What a nested column holds, without what lies before or behind a slice."""
    if pa.types.is_struct(column.type):
        return list(column.flatten())
    if pa.types.is_map(column.type):
        first, last = column.offsets[0].as_py(), column.offsets[-1].as_py()
        return [column.keys.slice(first, last - first), column.items.slice(first, last - first)]
    return [column.flatten()]
