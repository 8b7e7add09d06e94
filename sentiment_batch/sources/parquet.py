"""Parquet files, of which no more than a few rows are decoded at a time.

Arrow takes the bytes of most strings for UTF-8 without a look at them: rows where they are not are found here. Damage
that it does find is somewhere among many rows, and an error for the file.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.formats import Format
from sentiment_batch.sources.batches import BatchReader
from sentiment_batch.sources.chunk import Chunk, lengths_of, rechunk, size_of
from sentiment_batch.sources.files import InputFile, reading
from sentiment_batch.sources.reject import Reject
from sentiment_batch.sources.source import SourceOptions, kept_columns, require_usable

# Of a text that is too long.
_KEPT_BYTES = 2**16


class ParquetSource:
    format = Format.PARQUET

    def __init__(self, file: InputFile, options: SourceOptions) -> None:
        """Read the footer; raises BadDataError or UsageError."""
        self.name = file.name
        self._file = file
        with reading(f"{file.name} is not a readable Parquet file"):
            self._parquet = BatchReader(file.seekable())
        schema, metadata = self._parquet.schema, self._parquet.metadata
        require_usable(schema.names)
        self.text_column = find_column(schema.names, options.text_column, TEXT_COLUMNS, "--text-column")
        _require_text(schema.field(self.text_column))
        self.names = kept_columns(schema.names, options)
        self.schema = pa.schema([schema.field(name) for name in self.names], metadata=schema.metadata)
        self.rows: int | None = metadata.num_rows
        groups = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self._group_starts = list(accumulate(groups, initial=0))
        self._rows_read = 0
        self._most_bytes = options.dialect.max_field_bytes
        with reading(self.name):
            file.require_likely_size(map(size_of, self._batches()))

    def chunks(self) -> Iterator[Chunk]:
        batches = rechunk(self._batches())
        while True:
            with reading(self.name):
                batch = next(batches, None)
                if batch is None:
                    break
                chunk = self._chunk(batch)
            self._rows_read += batch.num_rows
            yield chunk
        if self._rows_read != self.rows:
            raise BadDataError(f"{self.name}: damaged: {self._rows_read} rows, where its footer tells {self.rows}")

    def fraction_read(self) -> float | None:
        return self._rows_read / self.rows if self.rows else None

    def close(self) -> None:
        self._parquet.close()
        self._file.close()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        return self._parquet.batches(list(dict.fromkeys([*self.names, self.text_column])))

    def _chunk(self, batch: pa.RecordBatch) -> Chunk:
        rejects: tuple[Reject, ...] = ()
        bad = dict(sorted((_not_text(batch) | self._too_long(batch)).items()))
        if bad:
            rejects = tuple(self._reject(row, reason, batch) for row, reason in bad.items())
            # By runs of good rows: Arrow cannot filter every type.
            edges = pairwise([-1, *bad, batch.num_rows])
            batch = pa.concat_batches([batch.slice(before + 1, after - before - 1) for before, after in edges])
        texts = batch.column(self.text_column).to_pylist()
        return Chunk(texts, batch.select(self.names).cast(self.schema), tuple(self.names), rejects=rejects)

    def _too_long(self, batch: pa.RecordBatch) -> dict[int, str]:
        """The rows whose text is beyond the bound, and what is wrong with each."""
        lengths = lengths_of(batch.column(self.text_column))
        rows = pc.indices_nonzero(pc.fill_null(pc.greater(lengths, self._most_bytes), False)).to_pylist()
        return {
            row: f"{self.text_column!r} has more than {self._most_bytes} bytes (--max-field-bytes): {lengths[row]}, "
            f"of which the first {min(lengths[row].as_py(), _KEPT_BYTES)} are kept"
            for row in rows
        }

    def _reject(self, row: int, reason: str, batch: pa.RecordBatch) -> Reject:
        text = batch.column(self.text_column).slice(row, 1).cast(pa.binary())[0].as_py() or b""
        place = self._rows_read + row
        group = bisect_right(self._group_starts, place) - 1
        return Reject(
            source=self.name,
            row_group=group,
            row=place - self._group_starts[group],
            reason=reason,
            raw=text[:_KEPT_BYTES] if len(text) > self._most_bytes else text,
        )


def _not_text(batch: pa.RecordBatch) -> dict[int, str]:
    """The rows with a string that is not UTF-8, and what is wrong with each."""
    bad: dict[int, str] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:  # perhaps for a value that belongs to another batch
            for row, value in enumerate(column):
                try:
                    value.as_py()
                except UnicodeDecodeError:
                    bad.setdefault(row, f"{name!r} is not UTF-8 text")
                except (ArithmeticError, ValueError):
                    pass  # such as a time that Python has no place for; no matter of text
    return bad


def _require_text(field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UsageError(f"column {field.name!r} holds {field.type}, not text: name another with --text-column")
