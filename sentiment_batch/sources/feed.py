"""Physical lines as the text that a parser of records takes; those behind a fault are read again."""

import codecs
import csv
from collections import deque
from itertools import islice

from sentiment_batch.sources.dialect import Dialect
from sentiment_batch.sources.files import InputFile
from sentiment_batch.sources.lines import InMemory, PhysicalLines, line_length

_FIELDS_PER_RECORD = 4


class Feed:
    """Feeds physical lines to the parser as text.

    About the record being parsed: `lines`, its lines so far; `line`, the number of its first line; `offset`, that of
    its first byte; `size`, the bytes of all lines; `undecodable`, whether some bytes are not text.

    `physical_lines`: the file's.
    """

    def __init__(self, file: InputFile | InMemory, dialect: Dialect) -> None:
        self.encoding = codecs.lookup(dialect.encoding).name.removesuffix("-sig")
        self._bound = _FIELDS_PER_RECORD * dialect.max_field_bytes
        self.physical_lines = PhysicalLines(file, self._bound, lambda block: block.splitlines(keepends=True))
        self._fresh = iter(self.physical_lines)
        self._again: deque[bytes] = deque()
        self._fault = ""  # to which the lines being reread led the first time
        self.lines: list[bytes] = []
        self.line = 1
        self.offset = self.size = 0
        self.undecodable = False
        for first in islice(self._fresh, 1):
            if self.encoding == "utf-8" and first.startswith(codecs.BOM_UTF8):
                self.offset = len(codecs.BOM_UTF8)
            self._again.append(first[self.offset :] if self.offset else first)

    def __iter__(self) -> "Feed":
        return self

    def __next__(self) -> str:
        if not self._again:
            line = next(self._fresh)
        elif self.lines:
            # A record continues past a line only inside quotes, where these lines already led to a fault: parsing them
            # again would end in the same one, and cost as much again for every line with a stray quote.
            raise csv.Error(self._fault)
        else:
            line = self._again.popleft()
        self.lines.append(line)
        self.size += line_length(line)
        if self.size > self._bound:
            raise csv.Error(f"a record of more than {self._bound} bytes (--max-field-bytes)")
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            self.undecodable = True
            return line.decode(self.encoding, "replace")

    def begin(self) -> None:
        """Start a new record at the next line."""
        self.line += len(self.lines)
        self.offset += self.size
        self.lines = []
        self.size = 0
        self.undecodable = False

    def push_back(self, fault: str) -> None:
        """Keep only the record's first line; the others will be reread as lines of other records."""
        first, *rest = self.lines
        self._again.extend(rest)
        self._fault = fault
        self.lines = [first]
        self.size = line_length(first)

    def text(self) -> str:
        """The record as text."""
        return b"".join(self.lines).decode(self.encoding, "replace")
