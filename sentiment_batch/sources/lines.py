"""Split bytes into physical lines, none of which is held beyond a bound."""

import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sentiment_batch.sources.files import InputFile, reading

_BLOCK_BYTES = 2**18
_KEPT_BYTES = 2**16


class InMemory(NamedTuple):
    """Bytes to read in place of an input file, and its name for messages."""

    name: str
    stream: io.BytesIO


class LongLine(bytes):
    """The beginning of a line that exceeds the bound; `length` is that of the whole line in bytes."""

    length: int

    @classmethod
    def of(cls, beginning: bytes, length: int) -> "LongLine":
        line = cls(beginning)
        line.length = length
        return line


def line_length(line: bytes) -> int:
    """Return the length of the whole line in bytes, even if only its beginning is held."""
    return line.length if isinstance(line, LongLine) else len(line)


class PhysicalLines:
    """The lines of a file with their line endings, to be iterated once; one longer than `bound` bytes is a `LongLine`.

    `split` cuts bytes after each line ending; `\\n` must be or end one. `is_exhausted`: all lines have been handed out.
    """

    def __init__(self, file: InputFile | InMemory, bound: int, split: Callable[[bytes], list[bytes]]) -> None:
        self._file = file
        self._bound = bound
        self._split = split
        self.is_exhausted = False

    def __iter__(self) -> Iterator[bytes]:
        """Raises BadDataError or InputOutputError if the file cannot be read further."""
        held = beginning = b""
        length = 0  # bytes that have left `held`, of the line that starts with `beginning`
        while block := self._read(len(held)):
            lines = self._split(held + block)
            # A carriage return at the end of a block may be half of a line ending.
            held = b"" if lines[-1].endswith(b"\n") else lines.pop()
            if beginning and lines:
                yield LongLine.of(beginning, length + len(lines.pop(0)))
                beginning, length = b"", 0
            yield from lines
            if len(held) > self._bound:
                beginning = beginning or held[:_KEPT_BYTES]
                length += len(held) - 1
                held = held[-1:]
        if beginning:
            yield LongLine.of(beginning, length + len(held))
        elif held:
            yield held
        self.is_exhausted = True

    def _read(self, held: int) -> bytes:
        """The next bytes behind so many that are held; none at the end."""
        # Take what a pipe has to offer; within a long line, read as much again as is held, to limit copying.
        read = self._file.stream.read1 if held < _BLOCK_BYTES else self._file.stream.read
        with reading(self._file.name):
            return read(min(max(_BLOCK_BYTES, held), self._bound + 1 - held))
