"""Write scored chunks as Parquet, CSV, TSV or JSON Lines."""

import gzip
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa

from sentiment_batch.formats import DELIMITERS, Compression, FileType, Format
from sentiment_batch.sinks.delimited import DelimitedSink, without_formula
from sentiment_batch.sinks.jsonl import JsonLinesSink
from sentiment_batch.sinks.parquet import ParquetSink
from sentiment_batch.sinks.sink import Sink

__all__ = ["Layout", "Sink", "heading", "open_sink"]


class Layout(NamedTuple):
    """What a file of an output looks like: its type, the columns that are kept, the columns that are added.

    `guard_formulas`: no field of CSV or TSV is to be taken for a formula; see DelimitedSink.
    """

    file_type: FileType
    records: pa.Schema
    predictions: pa.Schema
    guard_formulas: bool


def heading(file_type: FileType, name: str, *, guard_formulas: bool) -> str:
    """What a file calls a column: where formulas are guarded, there may be an apostrophe before it."""
    return without_formula(name) if guard_formulas and file_type.format in DELIMITERS else name


@contextmanager
def open_sink(raw: BinaryIO, layout: Layout, after: Path | None = None) -> Iterator[Sink]:
    """Open a sink for the rows of a file; `after` is a file of the same layout whose rows come first.

    What is written to `raw`, which stays open, is complete once the block succeeds. Raises UsageError for a column that
    the format cannot hold.
    """
    file_type, records, predictions, guard_formulas = layout
    if after and file_type.format is not Format.PARQUET:
        with after.open("rb") as before:
            shutil.copyfileobj(before, raw)
    with _compressed(raw, file_type.compression) as stream:
        match file_type.format:
            case Format.PARQUET:
                sink: Sink = ParquetSink(stream, records, predictions)
            case Format.JSONL:
                sink = JsonLinesSink(stream, records)
            case Format.CSV | Format.TSV:
                sink = DelimitedSink(
                    stream,
                    DELIMITERS[file_type.format],
                    records,
                    predictions,
                    header=after is None,
                    guard_formulas=guard_formulas,
                )
        try:
            if after and isinstance(sink, ParquetSink):
                with _unpacked(after, file_type.compression) as before:
                    sink.copy(before)
            yield sink
        except BaseException:
            sink.abandon()
            raise
        sink.close()


class _KeptOpen(io.RawIOBase):
    """Forwards writes, but not closing."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return self._stream.write(content)


@contextmanager
def _compressed(raw: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    match compression:
        case Compression.GZIP:
            # No name and no time in the header: the same rows give the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as stream:
                yield cast(BinaryIO, stream)
        case Compression.ZSTD:
            # The underlying stream stays open: it is yet to be synced, or it is standard output.
            with pa.CompressedOutputStream(pa.PythonFile(_KeptOpen(raw), "w"), "zstd") as stream:
                yield cast(BinaryIO, stream)
        case Compression.NONE:
            yield raw


@contextmanager
def _unpacked(path: Path, compression: Compression) -> Iterator[BinaryIO]:
    """The file for random access: if it is compressed, unpacked into one without a name beside it."""
    if compression is Compression.NONE:
        with path.open("rb") as stream:
            yield stream
    else:
        codec = "gzip" if compression is Compression.GZIP else "zstd"
        with pa.input_stream(path, compression=codec) as packed, tempfile.TemporaryFile(dir=path.parent) as unpacked:
            shutil.copyfileobj(packed, unpacked)
            yield cast(BinaryIO, unpacked)
