"""Bytes to physical lines, none of which is held beyond a bound."""

import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sentiment_batch.sources.files import InputFile, reading

_BLOCK_BYTES = 2**18
_KEPT_BYTES = 2**16


class InMemory(NamedTuple):
    """Bytes to be read in the place of an input file, and the name that messages give it."""

    name: str
    stream: io.BytesIO


class LongLine(bytes):
    """The beginning of a line beyond the bound; `length` is that of the whole line in bytes."""

    length: int

    @classmethod
    def of(cls, beginning: bytes, length: int) -> "LongLine":
        line = cls(beginning)
        line.length = length
        return line


def line_length(line: bytes) -> int:
    """The bytes of a line, also where it is not held as a whole."""
    return line.length if isinstance(line, LongLine) else len(line)


def physical_lines(file: InputFile | InMemory, bound: int, split: Callable[[bytes], list[bytes]]) -> Iterator[bytes]:
    """The lines with their ends; a `LongLine` for one of more than `bound` bytes.

    `split` cuts bytes behind each end of a line; `\\n` must be or close such an end.
    Raises BadDataError or InputOutputError where the file cannot be read on.
    """
    held = beginning = b""
    length = 0  # of what was let go of the line that begins with `beginning`
    while True:
        # From a pipe what is there, but within a long line as much again as is held, or it would be copied too often.
        read = file.stream.read1 if len(held) < _BLOCK_BYTES else file.stream.read
        with reading(file.name):
            block = read(min(max(_BLOCK_BYTES, len(held)), bound + 1 - len(held)))
        if not block:
            break
        lines = split(held + block)
        # A carriage return that ends a block may be half of a line's end.
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
