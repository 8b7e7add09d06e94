"""Parse delimited records with the standard library's parser, and keep the position of each."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from sentiment_batch.errors import BadDataError
from sentiment_batch.sources.chunk import require_all
from sentiment_batch.sources.dialect import Dialect
from sentiment_batch.sources.feed import Feed
from sentiment_batch.sources.files import InputFile
from sentiment_batch.sources.lines import InMemory
from sentiment_batch.sources.reject import Reject


class Record(NamedTuple):
    """A well-formed record, with the number of its first line, the offset of its first byte, and its physical lines."""

    fields: list[str]
    line: int
    offset: int
    lines: list[bytes]


class Records:
    """The header, and all records after it; `total`: how many they were, rejects included, once all are read.

    A record that parses to its end is accepted or rejected as a whole. After a quoting or size fault the end of the
    record is unknown: only its first physical line is rejected, and reading resumes at the next. What follows may be
    the tail of a broken field. So until the next accepted record, quoting must strictly conform to RFC 4180, and any
    other problem also rejects only a record's first line.
    """

    def __init__(self, file: InputFile | InMemory, delimiter: str, dialect: Dialect) -> None:
        """Read the header; raises BadDataError if it cannot be read."""
        self.total: int | None = None
        self._name = file.name
        self._delimiter = delimiter
        self._dialect = dialect
        self._feed = Feed(file, dialect)
        self._reader = csv.reader(
            self._feed,
            delimiter=delimiter,
            quotechar=dialect.quote,
            quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )
        self._well_formed = _grammar(delimiter, dialect.quote)
        try:
            self.header = self._read() or []
        except csv.Error as error:
            raise BadDataError(f"{self._name}: line 1: {error}") from error
        if not self.header:
            raise BadDataError(f"{self._name}: the file has no header line")
        if self._feed.undecodable:
            raise BadDataError(f"{self._name}: the header is {_undecodable(dialect.encoding)}")
        if self.header[0].startswith("\ufeff"):
            raise BadDataError(f"{self._name}: the header begins with two byte order marks: remove them")
        self._header_lines = self._feed.lines

    def parse(self, reject: Reject) -> Record | Reject:
        """Parse a reject's edited bytes as one record; if they are not one, return the reject with the reason."""
        if reject.shortened:
            return reject
        file = InMemory(self._name, io.BytesIO(b"".join([*self._header_lines, reject.raw])))
        match [item for item, _ in Records(file, self._delimiter, self._dialect)]:
            case [Record(fields=found, lines=lines)]:
                return Record(found, reject.line or 0, reject.offset or 0, lines)
            case [Reject(reason=reason)]:
                return replace(reject, reason=reason)
            case found:
                return replace(reject, reason=f"{len(found)} records instead of one")

    def __iter__(self) -> Iterator[tuple[Record | Reject, int]]:
        """Yield each record or reject with its size in bytes; if there are several columns, empty lines are skipped."""
        feed, limit, columns = self._feed, self._dialect.max_field_bytes, len(self.header)
        in_doubt = False
        count = 0
        while True:
            feed.begin()
            problem: str | None = None
            try:
                record = self._read()
            except csv.Error as error:
                in_doubt = True
                record, problem = [], str(error)
            else:
                if record is None:
                    require_all(count, count if feed.physical_lines.is_exhausted else None)
                    self.total = count
                    return
                if not record:
                    if columns > 1:
                        continue
                    record = [""]
                if in_doubt or feed.undecodable or feed.size > limit or len(record) != columns:
                    problem = self._problem(record, in_doubt)
            count += 1
            if problem is None:
                in_doubt = False
                yield Record(record, feed.line, feed.offset, feed.lines), feed.size
            else:
                if in_doubt:
                    feed.push_back(problem)
                reject = self._reject(problem)
                yield reject, len(reject.raw)

    def _read(self) -> list[str] | None:
        """Return the next record, if any; raises csv.Error. The process-wide field size limit is restored."""
        limit = self._dialect.max_field_bytes
        before = csv.field_size_limit(limit)
        try:
            return next(self._reader, None)
        except csv.Error as error:
            if "field limit" in str(error):
                raise csv.Error(_too_long(limit)) from error
            raise
        finally:
            csv.field_size_limit(before)

    def _problem(self, record: list[str], in_doubt: bool) -> str | None:
        limit = self._dialect.max_field_bytes
        if in_doubt and self._well_formed and not self._well_formed.fullmatch(self._feed.text()):
            return "a quote inside a field, soon after a fault"
        if self._feed.undecodable:
            return _undecodable(self._dialect.encoding)
        if len(record) != len(self.header):
            return f"{len(record)} fields where the header has {len(self.header)}"
        if self._feed.size > limit and any(len(field.encode(self._feed.encoding)) > limit for field in record):
            return _too_long(limit)
        return None

    def _reject(self, reason: str) -> Reject:
        feed = self._feed
        raw = b"".join(feed.lines)
        shortened = feed.size > len(raw) or None
        if shortened:
            reason += f"; the line has {feed.size} bytes, of which the first {len(raw)} are kept"
        return Reject(
            source=self._name,
            line=feed.line,
            offset=feed.offset,
            reason=reason,
            encoding=self._dialect.non_utf8_encoding,
            shortened=shortened,
            raw=raw,
        )


def _undecodable(encoding: str) -> str:
    return f"not {encoding} text: convert it, or `score --encoding`"


def _too_long(limit: int) -> str:
    return f"a field of more than {limit} bytes (--max-field-bytes)"


def _grammar(delimiter: str, quote: str | None) -> re.Pattern[str] | None:
    """Return a pattern of records whose quoting conforms to RFC 4180; None without quoting."""
    if quote is None:
        return None
    q, d = re.escape(quote), re.escape(delimiter)
    field = rf"(?:{q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}|[^{q}{d}\r\n]*+)"
    return re.compile(rf"{field}(?:{d}{field})*+[\r\n]*")
