"""Scored chunks to a file: Parquet, CSV and TSV, JSON Lines; complete, or not there."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import pyarrow as pa

from sentiment_batch.formats import Compression, FileType, Format
from sentiment_batch.locations import Location
from sentiment_batch.sinks.atomic import atomic_output, require_writable
from sentiment_batch.sinks.formats import DelimitedSink, JsonLinesSink, ParquetSink, Sink

__all__ = ["Sink", "open_sink", "require_writable"]


@contextmanager
def open_sink(target: Location, file_type: FileType, records: pa.Schema, predictions: pa.Schema) -> Iterator[Sink]:
    """A sink for rows with the kept columns `records` and the added columns `predictions`.

    The file appears when the block ends well; standard output is written as it goes.
    """
    with _output(target) as raw, _compressed(raw, file_type.compression) as stream:
        match file_type.format:
            case Format.PARQUET:
                sink: Sink = ParquetSink(stream, records, predictions)
            case Format.JSONL:
                sink = JsonLinesSink(stream)
            case Format.CSV:
                sink = DelimitedSink(stream, ",", records, predictions)
            case Format.TSV:
                sink = DelimitedSink(stream, "\t", records, predictions)
        yield sink
        sink.close()


@contextmanager
def _output(target: Location) -> Iterator[BinaryIO]:
    if target.is_standard_stream:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with atomic_output(target) as stream:
            yield stream


@contextmanager
def _compressed(raw: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    match compression:
        case Compression.GZIP:
            # No name and no time in the header: the same rows give the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as stream:
                yield cast(BinaryIO, stream)
        case Compression.ZSTD:
            with pa.CompressedOutputStream(pa.PythonFile(raw, "w"), "zstd") as stream:
                yield cast(BinaryIO, stream)
        case Compression.NONE:
            yield raw
