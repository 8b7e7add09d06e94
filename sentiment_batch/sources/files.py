"""An input file, opened and decompressed, that knows how far it has been read."""

import gzip
import io
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import BinaryIO, cast

import pyarrow as pa

from sentiment_batch.errors import BadDataError, InputOutputError, NoInputError, SentimentBatchError, first_line
from sentiment_batch.formats import Compression, FileType, Format
from sentiment_batch.locations import Location

_PEEK_BYTES = 4096
# Magic numbers of files that often have a text suffix or arrive on stdin; no text begins like that.
_NO_TEXT = {
    b"\x1f\x8b": "gzip: unpack it, or give it the suffix .gz",
    b"\x28\xb5\x2f\xfd": "zstd: unpack it, or give it the suffix .zst",
    b"PK\x03\x04": "a ZIP archive: unpack it",
    b"PAR1\x15": "a Parquet file: give it the suffix .parquet",
}
_BLOCK_BYTES = 2**18

# How large a small file may become: a fixed size, or a multiple of its own if that is more. gzip compresses text to a
# third, and one endlessly repeated line to a thousandth; zstd and Parquet compress repetition to almost nothing.
_SMALL_BYTES = 2**25
_LIKELY_BYTES = {Compression.GZIP: 2**27, Compression.ZSTD: 2**32, Compression.NONE: 2**32}
_LIKELY_TIMES = 200


class InputFile:
    """A readable binary `stream` of the decompressed file, its `format`, and its name for messages."""

    def __init__(self, location: Location) -> None:
        """Open the file; raises NoInputError, InputOutputError, or BadDataError for an empty one."""
        self.name = location.name
        self._raw: BinaryIO | None = None
        self._size = 0
        if location.is_standard_stream:
            stdin = cast(io.BufferedReader, sys.stdin.buffer)
            self.stream: io.BufferedIOBase = stdin
            start = stdin.peek(_PEEK_BYTES)
            is_json = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
            self.format = Format.JSONL if is_json else Format.CSV
            empty = not start
        else:
            self.format, self._compression = FileType.of(location.file_name)
            self._raw = _open(location)
            self._size = self._raw.seek(0, io.SEEK_END)
            self._raw.seek(0)
            self.stream = _decompress(self._raw, self._compression)
            empty = self._size == 0
            if self._compression is not Compression.NONE:
                self.require_likely_size(_unpacked_sizes(location, self._compression))
        if empty:
            raise BadDataError(f"{self.name}: the file is empty")
        if self.format is not Format.PARQUET:
            self._require_text()

    def fraction_read(self) -> float | None:
        """How much of the file has been read, in [0, 1]; None for standard input."""
        return self._raw.tell() / self._size if self._raw else None

    def seekable(self) -> BinaryIO:
        """The decompressed file for random access; a compressed one is unpacked into an unnamed temporary file.

        Raises BadDataError, or InputOutputError if there is no room for it.
        """
        if self._raw and self._compression is Compression.NONE:
            return self._raw
        try:
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115  (gone with its last reader)
            for block in iter(self._read_block, b""):
                unpacked.write(block)
            unpacked.seek(0)
        except OSError as error:
            raise InputOutputError(
                f"{self.name}: it cannot be unpacked into {tempfile.tempdir or 'a temporary folder'}: "
                f"{first_line(error)}: make room there, or set TMPDIR to another folder"
            ) from error
        return cast(BinaryIO, unpacked)

    def _read_block(self) -> bytes:
        with reading(self.name):
            return self.stream.read(_BLOCK_BYTES)

    def require_likely_size(self, sizes: Iterable[int]) -> None:
        """Raise BadDataError if `sizes`, in bytes, of the file's unpacked parts add up to a decompression bomb.

        Large files are not checked: it would take long, and bombs are small files.
        """
        if self._size > _SMALL_BYTES:
            return
        limit = max(_LIKELY_BYTES[self._compression], _LIKELY_TIMES * self._size)
        if any(total > limit for total in accumulate(sizes)):
            raise BadDataError(
                f"{self.name}: its {self._size:,} bytes become more than {limit:,}: a decompression bomb; "
                "if it is not one, unpack or split the file first"
            )

    def _require_text(self) -> None:
        with reading(self.name):
            start = cast(io.BufferedReader, self.stream).peek(_PEEK_BYTES)
        for beginning, what in _NO_TEXT.items():
            if start.startswith(beginning):
                raise BadDataError(f"{self.name}: it begins like {what}")

    def close(self) -> None:
        self.stream.close()
        if self._raw:
            self._raw.close()


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn library errors while reading `name` into BadDataError, or InputOutputError for system failures."""
    try:
        yield
    except (SentimentBatchError, MemoryError):  # Arrow's own MemoryError is an ArrowException too
        raise
    except UnicodeDecodeError as error:
        raise BadDataError(f"{name}: not UTF-8 text: convert it first, for example with iconv") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadDataError(f"{name}: cut short or damaged: {first_line(error)}") from error
    except OSError as error:
        # Arrow raises OSError without an errno for damaged data.
        kind = BadDataError if error.errno is None else InputOutputError
        raise kind(f"{name}: {first_line(error)}") from error
    except pa.ArrowException as error:
        # Arrow raises the base class itself for failures unrelated to data, such as a thread that cannot start.
        kind = InputOutputError if type(error) is pa.ArrowException else BadDataError
        raise kind(f"{name}: {first_line(error)}") from error


def _open(location: Location) -> BinaryIO:
    try:
        return location.open()
    except FileNotFoundError as error:
        raise NoInputError(f"{location.name}: no such file") from error
    except OSError as error:
        raise InputOutputError(f"{location.name}: {first_line(error)}") from error


def _unpacked_sizes(location: Location, compression: Compression) -> Iterator[int]:
    with reading(location.name), _open(location) as raw, _decompress(raw, compression) as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield len(block)


def _decompress(raw: BinaryIO, compression: Compression) -> io.BufferedIOBase:
    if compression is Compression.GZIP:
        return gzip.GzipFile(fileobj=raw)
    if compression is Compression.ZSTD:
        return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))
    return io.BufferedReader(cast(io.RawIOBase, raw))
