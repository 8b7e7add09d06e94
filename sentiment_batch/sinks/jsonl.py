"""Scored rows to JSON Lines."""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from sentiment_batch.errors import UsageError
from sentiment_batch.sinks.values import cast_leaves, in_known_zone, shortest


class JsonLinesSink:
    """One object per line. An object kept verbatim gets the new members before its closing brace."""

    def __init__(self, stream: BinaryIO, records: pa.Schema) -> None:
        for field in records:
            if _repeats_a_key(field.type):
                raise UsageError(
                    f"column {field.name!r} ({field.type}) does not fit into JSON: leave it out (--columns), "
                    "or write Parquet (-o with .parquet)"
                )
        self._stream = stream

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        added = [_to_json(row) for row in _as_json(predictions)]
        if lines is None:
            lines = [_to_json(row) for row in _as_json(records)]
        self._stream.write("".join(map(_joined, lines, added)).encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        self._stream.flush()

    def abandon(self) -> None: ...


def _repeats_a_key(kind: pa.DataType) -> bool:
    """Return whether objects made of the type, or within it, would have a key twice."""
    fields = [kind.field(place) for place in range(kind.num_fields)]
    return len({field.name for field in fields}) < len(fields) or any(_repeats_a_key(field.type) for field in fields)


def _joined(record: str, added: str) -> str:
    start = record[:-1].rstrip()
    return f"{start}{'' if start == '{' else ', '}{added[1:]}\n"


def _as_json(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    columns = [shortest(column) if pa.types.is_floating(column.type) else _values(column) for column in batch.columns]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] or [{}] * batch.num_rows


def _values(column: pa.Array) -> list[Any]:
    values: list[Any] = cast_leaves(cast_leaves(column, in_known_zone), _time_as_text).to_pylist()
    return values


def _time_as_text(kind: pa.DataType) -> pa.DataType:
    """Map time types to text: Python cannot represent nanoseconds, nor years of more or less than four digits."""
    return pa.string() if pa.types.is_temporal(kind) and not pa.types.is_interval(kind) else kind


def _to_json(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_finite(row), ensure_ascii=False, default=_plain)


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON lacks, with null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """Encode types that JSON lacks: bytes as base64, times and decimals as text."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)
