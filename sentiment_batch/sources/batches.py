"""Read Parquet in batches of few rows.

A dictionary-encoded value is stored once but may be referenced by every row, so decoding many rows together can turn a
few hundred bytes into gigabytes.
"""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_MAX_ROWS = 64
# Dictionary columns stay encoded, so larger batches are safe. They are also faster: each repeats the dictionary.
_MAX_ROWS_OF_DICTIONARIES = 1024
# Of the values of a dictionary, used or not.
_MAX_KEPT_VALUES = 1024
_BATCH_BYTES = 2**25
_NO_ROWS = pa.record_batch([], schema=pa.schema([]))

# With a buffer and no pre-buffering, Arrow reads a column chunk page by page, which bounds memory.
open_parquet = partial(pq.ParquetFile, pre_buffer=False, buffer_size=2**20)


class BatchReader:
    """Reads columns of a Parquet file in small batches; closing it leaves `file` open. `schema`: that of the file."""

    def __init__(self, file: BinaryIO, metadata: pq.FileMetaData, columns: list[str]) -> None:
        """`metadata` is that of the footer; raises ArrowException or OSError."""
        self._file = file
        self._metadata = metadata
        self._columns = columns
        # Page checksums are verified if the writer stored any.
        self._parquet = open_parquet(
            file,
            metadata=metadata,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit=_unit_of_int96(file, metadata, columns),
        )
        self.schema = self._parquet.schema_arrow
        # Of the row group that a row was last taken from: its number, the batches ahead, and the one that was come to,
        # with the number of its first row.
        self._group = -1
        self._ahead: Iterator[pa.RecordBatch] = iter(())
        self._start, self._batch = 0, _NO_ROWS

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows, in smaller batches where rows are large, as declared or by their longest dictionary value."""
        kinds = {name: self.schema.field(name).type for name in self._columns}
        texts = [name for name, kind in kinds.items() if _is_bytes(kind)]
        dictionaries = any(map(pa.types.is_dictionary, kinds.values()))
        most = _MAX_ROWS_OF_DICTIONARIES if dictionaries else _MAX_ROWS
        encoded = open_parquet(self._file, metadata=self._metadata, read_dictionary=texts)
        for group in range(self._metadata.num_row_groups):
            facts = self._metadata.row_group(group)
            row_bytes = max(1, facts.total_byte_size // max(1, facts.num_rows), _longest_word(encoded, group, texts))
            rows = max(1, min(most, _BATCH_BYTES // row_bytes))
            yield from map(_compacted, self._parquet.iter_batches(rows, row_groups=[group], columns=self._columns))

    def row(self, group: int, row: int) -> pa.RecordBatch:
        """One row; raises IndexError if there is none. Rows in their order take one pass over the row group."""
        if not 0 <= group < self._metadata.num_row_groups:
            raise IndexError(group)
        if group != self._group or row < self._start:
            self._group, self._start, self._batch = group, 0, _NO_ROWS
            self._ahead = self._parquet.iter_batches(_MAX_ROWS, row_groups=[group], columns=self._columns)
        while row >= self._start + self._batch.num_rows:
            self._start += self._batch.num_rows
            batch = next(self._ahead, None)
            if batch is None:
                raise IndexError(row)
            self._batch = batch
        return _compacted(self._batch.slice(row - self._start, 1))

    def close(self) -> None:
        self._parquet.close()


def _unit_of_int96(file: BinaryIO, metadata: pq.FileMetaData, columns: list[str]) -> str:
    """Return a unit that holds the times of the columns exactly, where they are INT96, which has none of its own.

    Arrow takes nanoseconds, and years before 1678 or after 2261 for some in between. Raises ArrowInvalid if there are
    such years and nanoseconds too.
    """
    leaves = (metadata.schema.column(leaf) for leaf in range(metadata.num_columns))
    times = [leaf.path for leaf in leaves if leaf.physical_type == "INT96" and _is_within(leaf.path, columns)]
    if not times:
        return "us"
    readers = (open_parquet(file, metadata=metadata, coerce_int96_timestamp_unit=unit) for unit in ("us", "ns"))
    has_nanoseconds = has_other_years = False
    for coarse, fine in zip(*(reader.iter_batches(_MAX_ROWS, columns=times) for reader in readers), strict=True):
        has_nanoseconds |= not coarse.cast(fine.schema, safe=False).equals(fine)
        try:
            coarse.cast(fine.schema)
        except pa.ArrowInvalid:
            has_other_years = True
    if has_nanoseconds and has_other_years:
        raise pa.ArrowInvalid(
            f"{', '.join(times)}: INT96 times with nanoseconds, and others before 1678 or after 2261: leave them out "
            "(--columns), or write them as INT64"
        )
    return "ns" if has_nanoseconds else "us"


def _is_within(path: str, columns: list[str]) -> bool:
    return any(path == column or path.startswith(f"{column}.") for column in columns)


def _longest_word(encoded: pq.ParquetFile, group: int, columns: list[str]) -> int:
    """Return the bytes of the longest value in the dictionaries that encode a row group's columns, or 0."""
    # Column metadata is not consulted: pyarrow crashes the process if it is damaged.
    try:
        first = next(encoded.iter_batches(1, row_groups=[group], columns=columns), None)
    except (pa.ArrowException, OSError) as error:  # not every encoding can be read so; damage will surface again
        if isinstance(error, OSError) and error.errno is not None:  # Arrow's own errors have no errno
            raise
        return 0
    read = [] if first is None else first.columns
    dictionaries = [column.dictionary for column in read if pa.types.is_dictionary(column.type)]
    return max((pc.max(pc.binary_length(dictionary)).as_py() or 0 for dictionary in dictionaries), default=0)


def _compacted(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch without the values of large dictionaries that none of its rows has.

    Arrow gives each batch those of a whole row group or more, and each chunk, and row group of the output, would hold
    them again. Ordered categories stay as they are.
    """
    for place, field in enumerate(batch.schema):
        column = batch.column(place)
        if not pa.types.is_dictionary(field.type) or field.type.ordered or len(column.dictionary) <= _MAX_KEPT_VALUES:
            continue
        used = pc.unique(column.indices.drop_null())
        indices = pc.index_in(column.indices, used, skip_nulls=True).cast(field.type.index_type)
        compact = pa.DictionaryArray.from_arrays(indices, column.dictionary.take(used))
        batch = batch.set_column(place, field, compact)
    return batch


def _is_bytes(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))
