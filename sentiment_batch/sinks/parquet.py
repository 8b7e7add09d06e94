"""Scored rows to Parquet."""

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_batch.errors import UsageError

_AVRO_LISTS = (b"parquet.avro.schema", b"avro.schema")
_SPARK_LIST = b"org.apache.spark.sql.parquet.row.metadata"
_SPARK_TYPES = {pa.string(): "string", pa.float32(): "float", pa.int32(): "integer", pa.bool_(): "boolean"}
_NOT_AS_EXPECTED = (KeyError, TypeError, ValueError, RecursionError)


class ParquetSink:
    def __init__(self, stream: BinaryIO, records: pa.Schema, predictions: pa.Schema) -> None:
        self._schema = pa.schema([*records, *predictions], metadata=_metadata(records, predictions))
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


def _metadata(records: pa.Schema, predictions: pa.Schema) -> dict[bytes, bytes] | None:
    """The input's metadata, corrected for the added columns: programs that list the columns there see no others.

    Spark's list gets them. Leaving it out would not do: it alone tells which times are those of a time zone. pandas is
    told to take names as they are in the file, for it cannot read those of the added columns as numbers.
    """
    metadata = {key: value for key, value in (records.metadata or {}).items() if key not in _AVRO_LISTS}
    listed = metadata.pop(_SPARK_LIST, b"")
    with suppress(*_NOT_AS_EXPECTED):  # whatever is in its place, Spark can do without
        kept = set(records.names)
        fields = [field for field in json.loads(listed)["fields"] if field["name"] in kept]
        for field in predictions:
            fields.append({"name": field.name, "type": _SPARK_TYPES[field.type], "nullable": True, "metadata": {}})
        metadata[_SPARK_LIST] = json.dumps({"type": "struct", "fields": fields}).encode("ascii")
    with suppress(*_NOT_AS_EXPECTED):
        pandas = json.loads(metadata[b"pandas"])
        if [level["numpy_type"] for level in pandas["column_indexes"]] not in (["object"], ["str"]):
            metadata[b"pandas"] = json.dumps(pandas | {"column_indexes": []}).encode("ascii")
    return metadata or None
