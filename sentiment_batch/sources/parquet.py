"""Parquet files, decoded only a few rows at a time.

Arrow does not check that most strings are UTF-8, so rows where they are not are found here. Damage that Arrow does
detect lies somewhere among many rows, so it is an error for the whole file.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.formats import Format
from sentiment_batch.sources.batches import BatchReader, open_parquet
from sentiment_batch.sources.chunk import Chunk, chunked, drop_rows, lengths_of, rechunk, size_of
from sentiment_batch.sources.files import InputFile, reading
from sentiment_batch.sources.reject import Reject
from sentiment_batch.sources.source import SourceOptions, kept_columns, require_shallow, require_usable

# The part kept of a text that is too long.
_KEPT_BYTES = 2**16


class ParquetSource:
    format = Format.PARQUET

    def __init__(self, file: InputFile, options: SourceOptions) -> None:
        """Read the footer; raises BadDataError or UsageError."""
        self.name = file.name
        self._file = file
        with reading(f"{file.name} is not a readable Parquet file"):
            stream = file.seekable()
            footer = open_parquet(stream)
        schema, metadata = footer.schema_arrow, footer.metadata
        require_usable(schema.names)
        self.text_column = find_column(schema.names, options.text_column, TEXT_COLUMNS, "--text-column")
        _require_text(schema.field(self.text_column))
        self.names = kept_columns(schema.names, options)
        self._needed = list(dict.fromkeys([*self.names, self.text_column]))
        with reading(self.name):
            self._parquet = BatchReader(stream, metadata, self._needed)
        self.schema = pa.schema(map(self._parquet.schema.field, self.names), metadata=schema.metadata)
        require_shallow(self.schema)
        self.rows: int | None = metadata.num_rows
        groups = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self._group_starts = list(accumulate(groups, initial=0))
        self._rows_read = 0
        self._most_bytes = options.dialect.max_field_bytes
        with reading(self.name):
            file.require_likely_size(map(size_of, self._parquet.batches()))

    def chunks(self) -> Iterator[Chunk]:
        batches = rechunk(self._parquet.batches())
        while True:
            with reading(self.name):
                batch = next(batches, None)
                if batch is None:
                    break
                raw = batch.column(self.text_column).cast(pa.binary())
                chunk = self._chunk(batch, partial(self._reject, self._rows_read, raw))
            self._rows_read += batch.num_rows
            yield chunk
        if self._rows_read != self.rows:
            raise BadDataError(f"{self.name}: damaged: {self._rows_read} rows, where its footer tells {self.rows}")

    def retry(self, rejects: Iterable[Reject]) -> Iterator[Chunk]:
        none = pa.RecordBatch.from_pylist([], self._parquet.schema).select(self._needed)
        for found, still in chunked((self._reparse(reject), len(reject.raw)) for reject in rejects):
            batch = pa.concat_batches([none, *(row for row, _ in found)])
            yield self._chunk(batch, _rejected_again([reject for _, reject in found]), still)

    def fraction_read(self) -> float | None:
        return self._rows_read / self.rows if self.rows else None

    def close(self) -> None:
        self._parquet.close()
        self._file.close()

    def _chunk(
        self, batch: pa.RecordBatch, reject_of: Callable[[int, str], Reject], rejects: Sequence[Reject] = ()
    ) -> Chunk:
        bad = dict(sorted((_not_text(batch) | self._too_long(batch)).items()))
        rows = [row for row in range(batch.num_rows) if row not in bad]
        found = [reject_of(row, reason) for row, reason in bad.items()]
        if bad:
            batch = drop_rows(batch, bad)
        return Chunk(
            batch.column(self.text_column).to_pylist(),
            pa.record_batch([batch.column(name) for name in self.names], schema=self.schema),
            lambda row, reason: reject_of(rows[row], reason),
            rejects=tuple(sorted([*rejects, *found], key=Reject.place)),
        )

    def _too_long(self, batch: pa.RecordBatch) -> dict[int, str]:
        """Map each row whose text exceeds the bound to what is wrong with it."""
        lengths = lengths_of(batch.column(self.text_column))
        rows = pc.indices_nonzero(pc.fill_null(pc.greater(lengths, self._most_bytes), False)).to_pylist()
        return {
            row: f"{self.text_column!r} has more than {self._most_bytes} bytes (--max-field-bytes): {lengths[row]}, "
            f"of which the first {min(lengths[row].as_py(), _KEPT_BYTES)} are kept"
            for row in rows
        }

    def _reject(self, start: int, raw: pa.Array, row: int, reason: str) -> Reject:
        """Make a reject of a row of a batch that starts at the file's row `start` and has the texts `raw`."""
        place = start + row
        text = raw[row].as_py() or b""
        shortened = len(text) > max(self._most_bytes, _KEPT_BYTES)
        group = bisect_right(self._group_starts, place) - 1
        return Reject(
            source=self.name,
            row_group=group,
            row=place - self._group_starts[group],
            reason=reason,
            shortened=shortened or None,
            raw=text[:_KEPT_BYTES] if shortened else text,
        )

    def _reparse(self, reject: Reject) -> tuple[pa.RecordBatch, Reject] | Reject:
        """Return a row with the edited text of its reject, and the reject; or the reject alone if that is unusable."""
        if reject.shortened:
            return reject
        try:
            text = reject.raw.decode("utf-8")
        except UnicodeDecodeError:
            return reject
        try:
            with reading(self.name):
                row = self._parquet.row(reject.row_group or 0, reject.row or 0)
        except IndexError as error:
            raise BadDataError(f"{reject}: there is no such row") from error
        position = row.schema.get_field_index(self.text_column)
        field = row.schema.field(position)
        return row.set_column(position, field, pa.array([text]).cast(field.type)), reject


def _rejected_again(rejects: Sequence[Reject]) -> Callable[[int, str], Reject]:
    return lambda row, reason: replace(rejects[row], reason=reason)


def _not_text(batch: pa.RecordBatch) -> dict[int, str]:
    """Map each row with a string that is not UTF-8 to what is wrong with it."""
    bad: dict[int, str] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:  # the invalid value may belong to another batch
            for row, value in enumerate(column):
                try:
                    value.as_py()
                except UnicodeDecodeError:
                    bad.setdefault(row, f"{name!r} is not UTF-8 text")
                except (ArithmeticError, ValueError):
                    pass  # such as a time that Python cannot represent: not a text problem
    return bad


def _require_text(field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UsageError(f"column {field.name!r} holds {field.type}, not text: name another with --text-column")
