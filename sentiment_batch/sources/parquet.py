"""Parquet files, read row group by row group without holding one as a whole.

Arrow takes the bytes of most strings for UTF-8 without a look at them: rows where they are not are found here. Damage
that it does find is somewhere among many rows, and an error for the file.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.formats import Format
from sentiment_batch.sources.chunk import CHUNK_ROWS, Chunk, drop_rows, rechunk
from sentiment_batch.sources.files import InputFile, reading
from sentiment_batch.sources.reject import Reject
from sentiment_batch.sources.source import SourceOptions, kept_columns, require_distinct

_BUFFER_BYTES = 2**20


class ParquetSource:
    format = Format.PARQUET

    def __init__(self, file: InputFile, options: SourceOptions) -> None:
        """Read the footer; raises BadDataError or UsageError."""
        self.name = file.name
        self._file = file
        with reading(f"{file.name} is not a readable Parquet file"):
            # Without pre-buffering, a buffer makes Arrow read a column chunk page by page: memory stays bounded.
            self._parquet = pq.ParquetFile(file.seekable(), pre_buffer=False, buffer_size=_BUFFER_BYTES)
            schema = self._parquet.schema_arrow
            metadata = self._parquet.metadata
        require_distinct(schema.names)
        self.text_column = find_column(schema.names, options.text_column, TEXT_COLUMNS, "--text-column")
        _require_text(schema.field(self.text_column))
        self.names = kept_columns(schema.names, options)
        self.schema = pa.schema([schema.field(name) for name in self.names], metadata=schema.metadata)
        self.rows: int | None = metadata.num_rows
        groups = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self._group_starts = list(accumulate(groups, initial=0))
        self._rows_read = 0

    def chunks(self) -> Iterator[Chunk]:
        needed = list(dict.fromkeys([*self.names, self.text_column]))
        batches = rechunk(self._parquet.iter_batches(batch_size=CHUNK_ROWS, columns=needed))
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

    def _chunk(self, batch: pa.RecordBatch) -> Chunk:
        start = self._rows_read
        raw = batch.column(self.text_column).cast(pa.binary())
        bad = _not_text(batch)
        rows = [row for row in range(batch.num_rows) if row not in bad]

        def reject(row: int, reason: str) -> Reject:
            return self._reject(start + row, reason, raw[row].as_py() or b"")

        if bad:
            batch = drop_rows(batch, bad)
        return Chunk(
            batch.column(self.text_column).to_pylist(),
            batch.select(self.names).cast(self.schema),
            tuple(self.names),
            lambda row, reason: reject(rows[row], reason),
            rejects=tuple(reject(row, f"{column!r} is not UTF-8 text") for row, column in bad.items()),
        )

    def _reject(self, place: int, reason: str, raw: bytes) -> Reject:
        group = bisect_right(self._group_starts, place) - 1
        return Reject(source=self.name, row_group=group, row=place - self._group_starts[group], reason=reason, raw=raw)


def _not_text(batch: pa.RecordBatch) -> dict[int, str]:
    """The rows with a string that is not UTF-8, and a column that it stands in."""
    bad: dict[int, str] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:  # perhaps for a value that belongs to another batch
            for row, value in enumerate(column):
                try:
                    value.as_py()
                except UnicodeDecodeError:
                    bad.setdefault(row, name)
                except (ArithmeticError, ValueError):
                    pass  # such as a time that Python has no place for; no matter of text
    return dict(sorted(bad.items()))


def _require_text(field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UsageError(f"column {field.name!r} holds {field.type}, not text: name another with --text-column")
