"""Scored rows to Parquet."""

import io
from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_batch.errors import UsageError


class ParquetSink:
    def __init__(self, stream: BinaryIO, records: pa.Schema, predictions: pa.Schema) -> None:
        self._schema = pa.schema([*records, *predictions], metadata=records.metadata)
        try:
            self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        except pa.ArrowNotImplementedError as error:
            field = next(field for field in self._schema if not _fits(field))
            raise UsageError(
                f"column {field.name!r} ({field.type}) does not fit into Parquet: leave it out (--columns), "
                "or write JSON Lines (-o with .jsonl)"
            ) from error

    def copy(self, before: BinaryIO) -> None:
        """Write the rows of a Parquet file of the same columns."""
        with pq.ParquetFile(before) as rows:
            for group in range(rows.num_row_groups):
                self._writer.write_table(rows.read_row_group(group))

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        self._writer.write_batch(pa.record_batch([*records.columns, *predictions.columns], schema=self._schema))

    def close(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        self._writer.is_open = False  # else its finalizer would try to complete the file, and complain


def _fits(field: pa.Field) -> bool:
    try:
        pq.ParquetWriter(io.BytesIO(), pa.schema([field])).close()
    except pa.ArrowNotImplementedError:
        return False
    return True
