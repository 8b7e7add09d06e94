"""CSV and TSV after RFC 4180. Every field is text and stays as it is: no type is guessed, nothing is taken for null.

Read by the standard library's parser in strict mode: it keeps quoted newlines, tells the line of a fault, and neither
repairs nor skips a record. It reads a hundred times faster than the model scores.
"""

import csv
import io
from collections.abc import Iterator

import pyarrow as pa

from sentiment_batch.columns import TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError
from sentiment_batch.formats import DELIMITERS
from sentiment_batch.sources.chunk import CHUNK_BYTES, CHUNK_ROWS, Chunk
from sentiment_batch.sources.files import InputFile, reading
from sentiment_batch.sources.source import SourceOptions, kept_columns, require_distinct

_MAX_FIELD_CHARACTERS = 100 * 2**20


class DelimitedSource:
    rows: int | None = None

    def __init__(self, file: InputFile, options: SourceOptions) -> None:
        """Read the header; raises BadDataError or UsageError."""
        self.name = file.name
        self.format = file.format
        self._file = file
        csv.field_size_limit(_MAX_FIELD_CHARACTERS)
        text = io.TextIOWrapper(file.stream, encoding="utf-8-sig", newline="")
        self._reader = csv.reader(text, delimiter=DELIMITERS[file.format], strict=True)
        self._header = next(self._records(), [])
        if not self._header:
            raise BadDataError(f"{self.name}: the file has no header line")
        require_distinct(self._header)
        self.text_column = find_column(self._header, options.text_column, TEXT_COLUMNS, "--text-column")
        self.names = kept_columns(self._header, options)
        self.schema = pa.schema([(name, pa.string()) for name in self.names])

    def chunks(self) -> Iterator[Chunk]:
        rows: list[list[str]] = []
        size = 0
        for record in self._records():
            if len(record) != len(self._header):
                # An empty line is a record with one empty field, and nothing at all where there are several columns.
                if not record and len(self._header) > 1:
                    continue
                if record or len(self._header) != 1:
                    raise BadDataError(
                        f"{self.name}: line {self._reader.line_num}: {len(record)} fields where the header has "
                        f"{len(self._header)}"
                    )
                record = [""]
            characters = sum(map(len, record))
            if rows and (len(rows) == CHUNK_ROWS or size + characters > CHUNK_BYTES):
                yield self._chunk(rows)
                rows, size = [], 0
            rows.append(record)
            size += characters
        if rows:
            yield self._chunk(rows)

    def fraction_read(self) -> float | None:
        return self._file.fraction_read()

    def close(self) -> None:
        self._file.close()

    def _records(self) -> Iterator[list[str]]:
        while True:
            with reading(self.name):
                try:
                    record = next(self._reader, None)
                except csv.Error as error:
                    raise BadDataError(f"{self.name}: line {self._reader.line_num}: {error}") from error
                except UnicodeDecodeError as error:
                    line = self._reader.line_num + 1
                    raise BadDataError(f"{self.name}: not UTF-8 text at or soon after line {line}") from error
            if record is None:
                return
            yield record

    def _chunk(self, rows: list[list[str]]) -> Chunk:
        columns = dict(zip(self._header, zip(*rows, strict=True), strict=True))
        records = pa.record_batch([pa.array(columns[name], pa.string()) for name in self.names], schema=self.schema)
        return Chunk(list(columns[self.text_column]), records, tuple(self.names))
