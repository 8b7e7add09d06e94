"""Scored rows to CSV and TSV."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.errors import UsageError
from sentiment_batch.sinks.values import cast_leaves, in_known_zone, shortest

# Formula prefixes that OWASP lists under "CSV injection", after optional white space; `_NUMBER` exempts numbers.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\0＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,eE+-]*")
_WITHOUT_TEXT = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
    pa.types.is_interval,
)


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
        names = [*records.names, *predictions.names]
        if guard_formulas and len({*map(without_formula, names)}) < len(names):
            name = next(name for name in names if f"'{name}" in names)
            raise UsageError(f'columns {name!r} and "\'{name}" would have one name (--guard-formulas): rename one')
        if names[0].startswith("\ufeff"):
            raise UsageError(f"column {names[0]!r} would begin the file with a byte order mark: rename it")
        self._stream = stream
        self._delimiter = delimiter
        self._guard_formulas = guard_formulas
        if header:
            self._write_rows([names])

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        columns = [_as_text(column) for column in [*records.columns, *predictions.columns]]
        self._write_rows(zip(*columns, strict=True))

    def _write_rows(self, rows: Iterable[Sequence[str | None]]) -> None:
        if self._guard_formulas:
            rows = [[field and without_formula(field) for field in row] for row in rows]
        text = io.StringIO(newline="")
        csv.writer(_LineFeeds(text), delimiter=self._delimiter).writerows(rows)
        self._stream.write(text.getvalue().encode("utf-8"))

    def close(self) -> None:
        self._stream.flush()

    def abandon(self) -> None: ...


def without_formula(field: str) -> str:
    """The field, behind an apostrophe if a spreadsheet would take it for a formula."""
    return f"'{field}" if _FORMULA.match(field) and not _NUMBER.fullmatch(field) else field


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


def _as_text(column: pa.Array) -> list[str | None]:
    if pa.types.is_floating(column.type):
        return [None if value is None else str(value) for value in shortest(column)]
    text: list[str | None] = pc.cast(cast_leaves(column, in_known_zone), pa.string()).to_pylist()
    return text
