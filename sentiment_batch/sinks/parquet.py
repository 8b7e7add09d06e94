"""Scored rows to Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


class ParquetSink:
    def __init__(self, stream: BinaryIO, records: pa.Schema, predictions: pa.Schema, after: Path | None) -> None:
        self._schema = pa.schema([*records, *predictions], metadata=records.metadata)
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")
        if after:
            with pq.ParquetFile(after) as before:
                for group in range(before.num_row_groups):
                    self._writer.write_table(before.read_row_group(group))

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        self._writer.write_batch(pa.record_batch([*records.columns, *predictions.columns], schema=self._schema))

    def close(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        self._writer.is_open = False  # else its finalizer would try to complete the file, and complain
