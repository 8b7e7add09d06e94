"""JSON Lines: one object per line."""

import io
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any, NamedTuple

import pyarrow as pa

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, naming
from sentiment_batch.formats import Format
from sentiment_batch.sources.chunk import Chunk, chunked, require_all
from sentiment_batch.sources.files import InputFile
from sentiment_batch.sources.json_object import decode_line, parse_object
from sentiment_batch.sources.lines import PhysicalLines, line_length
from sentiment_batch.sources.reject import Reject
from sentiment_batch.sources.source import SourceOptions, kept_columns, require_shallow
from sentiment_batch.sources.values import NOT_OF_THE_TYPE, array_of, type_of


class _Record(NamedTuple):
    """A parsed line; `source` is the line without surrounding white space."""

    line: int
    offset: int
    raw: bytes
    source: str
    value: dict[str, Any]


# Chunks without any good record that are held until one with some tells the columns.
_MAX_AHEAD = 8


class JsonLinesSource:
    """Reads JSON Lines; missing keys are null. Unless verbatim, the first chunk with records determines their types."""

    format = Format.JSONL
    rows: int | None = None

    def __init__(self, file: InputFile, options: SourceOptions, added: Collection[str]) -> None:
        """Read up to the first record; raises UsageError, or BadDataError if there is none though types are needed."""
        self.name = file.name
        self._file = file
        self._verbatim = options.verbatim
        self._added = frozenset(added if options.verbatim else ())
        self._bound = options.dialect.max_field_bytes
        self._options = options
        self.text_column = ""
        self.names: list[str] = []
        self.schema = pa.schema([])
        self._known: frozenset[str] | None = None
        self._total: int | None = None  # of the records, once all are read
        groups = chunked(self._records())
        ahead = []
        for found, rejects in islice(groups, _MAX_AHEAD):
            ahead.append((found, rejects))
            if found:
                self._find_columns(found)
                break
        if not self.names and not self._verbatim:
            raise _no_columns(self.name, [reject for _, rejects in ahead for reject in rejects])
        self._groups = chain(ahead, groups)

    def chunks(self) -> Iterator[Chunk]:
        for found, rejects in self._groups:
            yield self._chunk(found, rejects)
        self.rows = self._total

    def retry(self, rejects: Iterable[Reject]) -> Iterator[Chunk]:
        for found, still in chunked((_reparse(reject), len(reject.raw)) for reject in rejects):
            yield self._chunk(found, still)

    def fraction_read(self) -> float | None:
        return self._file.fraction_read()

    def close(self) -> None:
        self._file.close()

    def _find_columns(self, found: list[_Record]) -> None:
        options = self._options
        names = [name for name in _keys(found) if self._verbatim or _is_text(name)]
        self.text_column = find_column(names, options.text_column, TEXT_COLUMNS, "--text-column")
        self.names = kept_columns(names, options)
        if not self._verbatim:
            self._known = None if options.columns is not None else frozenset(names)
            good = [record.value for record in found if self._problem(record.value) is None]
            self.schema = pa.schema([(name, type_of([value.get(name) for value in good])) for name in self.names])
            require_shallow(self.schema)

    def _records(self) -> Iterator[tuple[_Record | Reject, int]]:
        offset = count = 0
        lines = PhysicalLines(self._file, self._bound, lambda block: io.BytesIO(block).readlines())
        for number, raw in enumerate(lines, start=1):
            found = self._parse(number, offset, raw)
            offset += line_length(raw)
            if found is not None:
                count += 1
                yield found, len(raw)
        require_all(count, count if lines.is_exhausted else None)
        self._total = count

    def _parse(self, line: int, offset: int, raw: bytes) -> _Record | Reject | None:
        """None for a line of white space."""
        length = line_length(raw)
        if length > len(raw):
            reason = (
                f"longer than {self._bound} bytes (--max-field-bytes); the line has {length} bytes, of which "
                f"the first {len(raw)} are kept"
            )
            return replace(self._reject(line, offset, reason, raw), shortened=True)
        try:
            source = decode_line(raw, line)
            return _Record(line, offset, raw, source, parse_object(source)) if source else None
        except ValueError as error:
            return self._reject(line, offset, str(error), raw)

    def _chunk(self, found: list[_Record], rejects: list[Reject]) -> Chunk:
        if found and not self.names:
            with naming(self.name):
                self._find_columns(found)
        records, bad = self._split(found, self._problem)
        columns = []
        try:
            columns = self._columns(records)
        except NOT_OF_THE_TYPE:
            records, unfit = self._split(records, self._misfit)
            columns = self._columns(records)
            bad += unfit
        if bad:
            rejects = sorted(rejects + bad, key=Reject.place)
        return Chunk(
            [record.value.get(self.text_column) for record in records],
            pa.record_batch(columns, schema=self.schema),
            lambda row, reason: self._reject(records[row].line, records[row].offset, reason, records[row].raw),
            [record.source for record in records] if self._verbatim else None,
            tuple(rejects),
        )

    def _columns(self, records: list[_Record]) -> list[pa.Array]:
        return [array_of([record.value.get(field.name) for record in records], field.type) for field in self.schema]

    def _split(
        self, records: list[_Record], problem: Callable[[dict[str, Any]], str | None]
    ) -> tuple[list[_Record], list[Reject]]:
        """Split the records into those without a problem, and rejects for the others."""
        good, bad = [], []
        for record in records:
            reason = problem(record.value)
            if reason is None:
                good.append(record)
            else:
                bad.append(self._reject(record.line, record.offset, reason, record.raw))
        return good, bad

    def _reject(self, line: int, offset: int, reason: str, raw: bytes) -> Reject:
        return Reject(source=self.name, line=line, offset=offset, reason=reason, raw=raw)

    def _problem(self, value: dict[str, Any]) -> str | None:
        text = value.get(self.text_column)
        if text is not None and not isinstance(text, str):
            return f"{self.text_column!r} is not text"
        if self._known is not None and not value.keys() <= self._known:
            return f"a key that the first records lack: {_ADVICE}"
        if taken := self._added & value.keys():
            return f"it already has a key {min(taken)!r}: rename it, or choose another --prefix"
        return None

    def _misfit(self, value: dict[str, Any]) -> str | None:
        for field in self.schema:
            try:
                array_of([value.get(field.name)], field.type)
            except UnicodeEncodeError:
                return f"{field.name!r} holds half a surrogate pair: {_ADVICE}"
            except OverflowError:
                return f"{field.name!r} holds an integer of more than 63 bits: {_ADVICE}"
            except NOT_OF_THE_TYPE:
                return f"{field.name!r} does not fit the type that it has in the first records: {_ADVICE}"
        return None


_ADVICE = "write JSON Lines (-o with .jsonl), or choose the columns to keep with --columns"


def _no_columns(name: str, rejects: list[Reject]) -> BadDataError:
    if not rejects:
        return BadDataError(f"{name}: the file has no record")
    return BadDataError(
        f"{rejects[0]}; no record up to line {rejects[-1].line:,} can be read, so the columns are unknown: correct "
        "them, or keep whole objects (-o with .jsonl, without --columns)"
    )


def _keys(records: list[_Record]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record.value))


def _is_text(name: str) -> bool:
    """Return whether the name is free of lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _reparse(reject: Reject) -> _Record | Reject:
    if reject.shortened:
        return reject
    try:
        source = decode_line(reject.raw, 1)
        if "\n" in source:
            raise ValueError("several lines instead of one")
        return _Record(reject.line or 0, reject.offset or 0, reject.raw, source, parse_object(source))
    except ValueError as error:
        return replace(reject, reason=str(error))
