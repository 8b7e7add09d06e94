"""CSV and TSV per RFC 4180; every field stays the text it is, with no type inference and no null values.

The standard library's parser, in strict mode, is fed line by line, so that each record's lines are known: their
numbers, offset and exact bytes. pyarrow.csv reads `"a"b` as `ab`, takes everything from a stray quote to the next one
as a single field, and rejects a whole file for one byte that is not UTF-8; its invalid-row handler sees none of these
cases, gets no offset, and gets a line number only when single-threaded. DuckDB keeps rejected lines with their
position, but is a database engine to depend on, and would guess where records resume after a fault. Speed is not
decisive: this reads hundreds of times faster than the model scores.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import UsageError
from sentiment_batch.formats import DELIMITERS
from sentiment_batch.sources.chunk import Chunk, chunked
from sentiment_batch.sources.files import InputFile
from sentiment_batch.sources.records import Record, Records
from sentiment_batch.sources.reject import Reject
from sentiment_batch.sources.source import SourceOptions, kept_columns, require_usable


class DelimitedSource:
    def __init__(self, file: InputFile, options: SourceOptions) -> None:
        """Read the header; raises BadDataError or UsageError."""
        self.name = file.name
        self.format = file.format
        self._file = file
        self._encoding = options.dialect.non_utf8_encoding
        self._records = Records(file, options.dialect.delimiter or DELIMITERS[file.format], options.dialect)
        header = self._records.header
        require_usable(header)
        try:
            self.text_column = find_column(header, options.text_column, TEXT_COLUMNS, "--text-column")
        except UsageError as error:
            if len(header) > 1:
                raise
            raise UsageError(f"{error}: if they are several, name what is between (`score --delimiter`)") from error
        self.names = kept_columns(header, options)
        self.schema = pa.schema([(name, pa.string()) for name in self.names])

    @property
    def rows(self) -> int | None:
        return self._records.total

    def chunks(self) -> Iterator[Chunk]:
        for rows, rejects in chunked(self._records):
            yield self._chunk(rows, rejects)

    def retry(self, rejects: Iterable[Reject]) -> Iterator[Chunk]:
        for rows, still in chunked((self._records.parse(reject), len(reject.raw)) for reject in rejects):
            yield self._chunk(rows, still)

    def fraction_read(self) -> float | None:
        return self._file.fraction_read()

    def close(self) -> None:
        self._file.close()

    def _chunk(self, rows: list[Record], rejects: list[Reject]) -> Chunk:
        fields = zip(*(row.fields for row in rows), strict=True) if rows else [()] * len(self._records.header)
        columns = dict(zip(self._records.header, fields, strict=True))
        records = pa.record_batch([pa.array(columns[name], pa.string()) for name in self.names], schema=self.schema)

        def reject(row: int, reason: str) -> Reject:
            _, line, offset, lines = rows[row]
            return Reject(
                source=self.name, line=line, offset=offset, reason=reason, encoding=self._encoding, raw=b"".join(lines)
            )

        return Chunk(list(columns[self.text_column]), records, reject, rejects=tuple(rejects))
