"""JSON Lines: one object a line, by the standard library's parser, strictly."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, NoReturn

import pyarrow as pa

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError
from sentiment_batch.formats import Format
from sentiment_batch.sources.chunk import CHUNK_BYTES, CHUNK_ROWS, Chunk
from sentiment_batch.sources.files import InputFile, reading
from sentiment_batch.sources.source import SourceOptions, kept_columns

_Line = tuple[int, str, dict[str, Any]]


class JsonLinesSource:
    """Keys that a record lacks read as null. Columns and types are those of the first chunk, unless verbatim."""

    format = Format.JSONL
    rows: int | None = None

    def __init__(self, file: InputFile, options: SourceOptions) -> None:
        """Read the first chunk; raises BadDataError or UsageError."""
        self.name = file.name
        self._file = file
        self._verbatim = options.verbatim
        self._groups = self._grouped()
        first = next(self._groups, [])
        if not first:
            raise BadDataError(f"{self.name}: the file has no record")
        names = _keys(first)
        self.text_column = find_column(names, options.text_column, TEXT_COLUMNS, "--text-column")
        self.names = kept_columns(names, options)
        self._keep_all = options.columns is None
        self.schema = pa.schema([] if self._verbatim else [self._inferred(first, name) for name in self.names])
        self._groups = chain([first], self._groups)

    def chunks(self) -> Iterator[Chunk]:
        for group in self._groups:
            texts = [self._text(line) for line in group]
            if self._verbatim:
                records = pa.record_batch([], schema=self.schema)
                yield Chunk(texts, records, tuple(_keys(group)), [source for _, source, _ in group])
            else:
                yield Chunk(texts, self._records(group), tuple(self.names))

    def fraction_read(self) -> float | None:
        return self._file.fraction_read()

    def close(self) -> None:
        self._file.close()

    def _grouped(self) -> Iterator[list[_Line]]:
        group: list[_Line] = []
        size = 0
        for line in self._lines():
            if group and (len(group) == CHUNK_ROWS or size + len(line[1]) > CHUNK_BYTES):
                yield group
                group, size = [], 0
            group.append(line)
            size += len(line[1])
        if group:
            yield group

    def _lines(self) -> Iterator[_Line]:
        """Line number from 1, the line without the white space around it, the object."""
        number = 0
        while True:
            number += 1
            with reading(self.name):
                raw = self._file.stream.readline()
            if not raw:
                return
            try:
                source = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip(" \t\r\n")
                if not source:
                    continue
                value = _DECODER.decode(source)
            except (ValueError, RecursionError) as error:
                raise BadDataError(f"{self.name}: line {number}: not a JSON object: {error}") from error
            if not isinstance(value, dict):
                raise BadDataError(f"{self.name}: line {number}: not a JSON object")
            yield number, source, value

    def _text(self, line: _Line) -> str | None:
        number, _, value = line
        text = value.get(self.text_column)
        if text is not None and not isinstance(text, str):
            raise BadDataError(f"{self.name}: line {number}: {self.text_column!r} is not text")
        return text

    def _inferred(self, group: list[_Line], name: str) -> pa.Field:
        try:
            kind = pa.array([value.get(name) for _, _, value in group]).type
        except UnicodeEncodeError as error:
            raise BadDataError(f"{self.name}: {name!r} holds half a surrogate pair: {_ADVICE}") from error
        except (pa.ArrowException, OverflowError, ValueError) as error:
            raise BadDataError(f"{self.name}: {name!r} holds values of several types: {_ADVICE}") from error
        return pa.field(name, pa.string() if pa.types.is_null(kind) else kind)

    def _records(self, group: list[_Line]) -> pa.RecordBatch:
        new = [key for key in _keys(group) if key not in self.names] if self._keep_all else []
        if new:
            raise BadDataError(f"{self.name}: {new[0]!r} first appears after line {group[0][0]}: {_ADVICE}")
        columns = []
        for field in self.schema:
            try:
                values = [value.get(field.name) for _, _, value in group]
                _require_known_keys(values, field.type)
                columns.append(pa.array(values, field.type))
            except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
                raise BadDataError(
                    f"{self.name}: {field.name!r} was {field.type} up to line {group[0][0]}, then is not: {_ADVICE}"
                ) from error
        return pa.record_batch(columns, schema=self.schema)


_ADVICE = "write JSON Lines (-o with .jsonl), or choose the columns to keep with --columns"


def _keys(group: list[_Line]) -> list[str]:
    return list(dict.fromkeys(key for _, _, value in group for key in value))


def _require_known_keys(values: list[Any], kind: pa.DataType) -> None:
    """Arrow would drop the others; raises ValueError."""
    for value in values:
        if isinstance(value, list) and pa.types.is_list(kind):
            _require_known_keys(value, kind.value_type)
        elif isinstance(value, dict) and pa.types.is_struct(kind):
            for key, item in value.items():
                if kind.get_field_index(key) < 0:
                    raise ValueError(f"{key!r} is new")
                _require_known_keys([item], kind.field(key).type)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
