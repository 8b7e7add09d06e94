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


def physical_lines(file: InputFile | InMemory, bound: int, split: Callable[[bytes], list[bytes]]) -> Iterator[bytes]:
    """Yield the lines with their line endings; one longer than `bound` bytes is a `LongLine`.

    `split` cuts bytes after each line ending; `\\n` must be or end one. Raises BadDataError or InputOutputError if the
    file cannot be read further.
    """
    held = beginning = b""
    length = 0  # bytes that have left `held`, of the line that starts with `beginning`
    while True:
        # Take what a pipe has to offer; within a long line, read as much again as is held, to limit copying.
        read = file.stream.read1 if len(held) < _BLOCK_BYTES else file.stream.read
        with reading(file.name):
            block = read(min(max(_BLOCK_BYTES, len(held)), bound + 1 - len(held)))
        if not block:
            break
        lines = split(held + block)
        # A carriage return at the end of a block may be half of a line ending.
        held = b"" if lines[-1].endswith(b"\n") else lines.pop()
        if beginning and lines:
            yield LongLine.of(beginning, length + len(lines.pop(0)))
            beginning, length = b"", 0
        yield from lines
        if len(held) > bound:
            beginning = beginning or held[:_KEPT_BYTES]
            length += len(held) - 1
            held = held[-1:]
    if beginning:
        yield LongLine.of(beginning, length + len(held))
    elif held:
        yield held
