"""Parquet as batches of few rows.

A value that stands in the file once can be meant by every row, so that a few hundred bytes become gigabytes wherever
many rows are decoded together.
"""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MOST_ROWS = 64
# Arrow hands the whole dictionary on with each batch of a column that is one: that takes long, but decodes nothing.
_MOST_ROWS_OF_DICTIONARIES = 1024
_BATCH_BYTES = 2**25

# Without pre-buffering, a buffer makes Arrow read a column chunk page by page: memory stays bounded.
_open = partial(pq.ParquetFile, pre_buffer=False, buffer_size=2**20)


class BatchReader:
    """A Parquet file; closing it leaves `file` open."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the footer; raises ArrowException or OSError."""
        self._file = file
        # Checksums are compared where the writer has left some.
        self._parquet = _open(file, page_checksum_verification=True)
        self.schema = self._parquet.schema_arrow
        self.metadata = self._parquet.metadata

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """All rows; of a row group that says to have megabytes a row, or does, one by one."""
        kinds = {name: self.schema.field(name).type for name in columns}
        texts = [name for name, kind in kinds.items() if _is_bytes(kind)]
        dictionaries = any(map(pa.types.is_dictionary, kinds.values()))
        most = _MOST_ROWS_OF_DICTIONARIES if dictionaries else _MOST_ROWS
        encoded = _open(self._file, metadata=self.metadata, read_dictionary=texts)
        for group in range(self.metadata.num_row_groups):
            facts = self.metadata.row_group(group)
            row_bytes = max(1, facts.total_byte_size // max(1, facts.num_rows), _longest_word(encoded, group, texts))
            rows = max(1, min(most, _BATCH_BYTES // row_bytes))
            yield from self._parquet.iter_batches(rows, row_groups=[group], columns=columns)

    def row(self, group: int, row: int, columns: list[str]) -> pa.RecordBatch:
        """One row; raises IndexError if there is none."""
        if not 0 <= group < self.metadata.num_row_groups:
            raise IndexError(group)
        for batch in self._parquet.iter_batches(_MOST_ROWS, row_groups=[group], columns=columns):
            if row < batch.num_rows:
                return batch.slice(row, 1)
            row -= batch.num_rows
        raise IndexError(row)

    def close(self) -> None:
        self._parquet.close()


def _longest_word(encoded: pq.ParquetFile, group: int, columns: list[str]) -> int:
    """Bytes of the longest value in the dictionaries by which the columns of a row group are encoded, if any."""
    # What the metadata say of a column is not asked for: pyarrow ends the process if they are damaged.
    try:
        first = next(encoded.iter_batches(1, row_groups=[group], columns=columns), None)
    except (pa.ArrowException, OSError) as error:  # not every encoding can be read so; damage will be met again
        if isinstance(error, OSError) and error.errno is not None:  # Arrow's own have no number
            raise
        return 0
    read = [] if first is None else first.columns
    dictionaries = [column.dictionary for column in read if pa.types.is_dictionary(column.type)]
    return max((pc.max(pc.binary_length(dictionary)).as_py() or 0 for dictionary in dictionaries), default=0)


def _is_bytes(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))
