"""Parquet files, read row group by row group without holding one as a whole."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import UsageError
from sentiment_batch.formats import Format
from sentiment_batch.sources.chunk import CHUNK_ROWS, Chunk, rechunk
from sentiment_batch.sources.files import InputFile, reading
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
        require_distinct(schema.names)
        self.text_column = find_column(schema.names, options.text_column, TEXT_COLUMNS, "--text-column")
        _require_text(schema.field(self.text_column))
        self.names = kept_columns(schema.names, options)
        self.schema = pa.schema([schema.field(name) for name in self.names], metadata=schema.metadata)
        self.rows: int | None = self._parquet.metadata.num_rows
        self._rows_read = 0

    def chunks(self) -> Iterator[Chunk]:
        needed = list(dict.fromkeys([*self.names, self.text_column]))
        batches = self._parquet.iter_batches(batch_size=CHUNK_ROWS, columns=needed)
        chunks = rechunk(batches)
        while True:
            with reading(self.name):
                batch = next(chunks, None)
                if batch is None:
                    return
                texts = batch.column(self.text_column).to_pylist()
            self._rows_read += batch.num_rows
            yield Chunk(texts, batch.select(self.names).cast(self.schema), tuple(self.names))

    def fraction_read(self) -> float | None:
        return self._rows_read / self.rows if self.rows else None

    def close(self) -> None:
        self._parquet.close()
        self._file.close()


def _require_text(field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise UsageError(f"column {field.name!r} holds {field.type}, not text: name another with --text-column")
