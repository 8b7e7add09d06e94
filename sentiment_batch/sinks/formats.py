"""Sinks for scored rows, one class per format."""

import base64
import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentiment_batch.errors import UsageError

# Formula prefixes that OWASP lists under "CSV injection", after optional white space; `_NUMBER` exempts numbers.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\0＝＋－＠]")
_WITHOUT_TEXT = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
    pa.types.is_interval,
)
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,eE+-]*")


class Sink(Protocol):
    """Takes rows in order. Closing completes the file; the underlying stream stays open."""

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        """Write N rows: kept columns, added columns and, for JSON objects kept verbatim, their text."""
        ...

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Leave the file incomplete."""
        ...


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


class DelimitedSink:
    """CSV or TSV per RFC 4180, with minimal quoting and line feeds between records; null is an empty field.

    With `guard_formulas`, every field that a spreadsheet would take for a formula is prefixed with an apostrophe.
    """

    def __init__(
        self,
        stream: BinaryIO,
        delimiter: str,
        records: pa.Schema,
        predictions: pa.Schema,
        *,
        header: bool,
        guard_formulas: bool,
    ) -> None:
        for field in records:
            if not _is_plain(field.type):
                raise UsageError(
                    f"column {field.name!r} ({field.type}) does not fit into CSV: leave it out (--columns)"
                )
        self._stream = stream
        self._delimiter = delimiter
        self._guard_formulas = guard_formulas
        if header:
            self._write_rows([[*records.names, *predictions.names]])

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        columns = [_as_text(column) for column in [*records.columns, *predictions.columns]]
        self._write_rows(zip(*columns, strict=True))

    def _write_rows(self, rows: Iterable[Sequence[str | None]]) -> None:
        if self._guard_formulas:
            rows = [[_without_formula(field) for field in row] for row in rows]
        text = io.StringIO(newline="")
        csv.writer(_LineFeeds(text), delimiter=self._delimiter).writerows(rows)
        self._stream.write(text.getvalue().encode("utf-8"))

    def close(self) -> None:
        self._stream.flush()

    def abandon(self) -> None: ...


def _without_formula(field: str | None) -> str | None:
    return f"'{field}" if field and _FORMULA.match(field) and not _NUMBER.fullmatch(field) else field


def _is_plain(kind: pa.DataType) -> bool:
    """Return whether every value of the type can be written as text."""
    if isinstance(kind, pa.BaseExtensionType):
        return _is_plain(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    return not any(test(kind) for test in _WITHOUT_TEXT)


class _LineFeeds:
    """Ends records with a line feed. If the csv module did so itself, it would leave a lone `\\r` unquoted."""

    def __init__(self, text: io.StringIO) -> None:
        self._text = text

    def write(self, record: str) -> None:
        self._text.write(record[:-2] + "\n")


class JsonLinesSink:
    """One object per line. An object kept verbatim gets the new members before its closing brace."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        added = [_to_json(row) for row in _as_json(predictions)]
        if lines is None:
            lines = [_to_json(row) for row in _as_json(records)]
        self._stream.write("".join(map(_joined, lines, added)).encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        self._stream.flush()

    def abandon(self) -> None: ...


def _joined(record: str, added: str) -> str:
    start = record[:-1].rstrip()
    return f"{start}{'' if start == '{' else ', '}{added[1:]}\n"


def _as_text(column: pa.Array) -> list[str | None]:
    if pa.types.is_floating(column.type):
        return [None if value is None else str(value) for value in _shortest(column)]
    text: list[str | None] = pc.cast(_cast_leaves(column, _in_known_zone), pa.string()).to_pylist()
    return text


def _cast_leaves(column: pa.Array, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.Array:
    """Cast a column, replacing every non-nested type in it by what `leaf` returns for it."""
    kind = _with_leaves(column.type, leaf)
    return column if kind == column.type else pc.cast(column, kind)


def _with_leaves(kind: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_leaves(field.type, leaf)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_with_leaves(kind.key_type, leaf), _with_leaves(kind.item_type, leaf))
    if any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)):
        value = _with_leaves(kind.value_type, leaf)
        return kind if value == kind.value_type else pa.large_list(value)
    if pa.types.is_dictionary(kind):
        value = _with_leaves(kind.value_type, leaf)
        return kind if value == kind.value_type else value
    return leaf(kind)


def _in_known_zone(kind: pa.DataType) -> pa.DataType:
    """Replace a time zone that this machine does not know with UTC: otherwise the time cannot be formatted."""
    is_unknown = pa.types.is_timestamp(kind) and kind.tz is not None and not _is_known(kind.tz)
    return pa.timestamp(kind.unit, "UTC") if is_unknown else kind


@cache
def _is_known(zone: str) -> bool:
    try:
        pc.cast(pa.array([0], pa.timestamp("s", zone)), pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _time_as_text(kind: pa.DataType) -> pa.DataType:
    """Map time types to text: Python cannot represent nanoseconds, nor years of more or less than four digits."""
    return pa.string() if pa.types.is_temporal(kind) and not pa.types.is_interval(kind) else kind


def _as_json(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    columns = [_shortest(column) if pa.types.is_floating(column.type) else _values(column) for column in batch.columns]
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] or [{}] * batch.num_rows


def _values(column: pa.Array) -> list[Any]:
    values: list[Any] = _cast_leaves(_cast_leaves(column, _in_known_zone), _time_as_text).to_pylist()
    return values


def _shortest(column: pa.Array) -> list[float | None]:
    """Floats as the shortest decimals that read back as the same bits in the column's own precision."""
    scalar = column.type.to_pandas_dtype()
    return [None if value is None or value != value else float(str(scalar(value))) for value in column.to_pylist()]


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
