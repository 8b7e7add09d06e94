"""Files of every kind for tests, read and written through the project's own sources and sinks."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sentiment_batch.formats import FileType
from sentiment_batch.locations import Location
from sentiment_batch.sinks import open_sink
from sentiment_batch.sources import Chunk, SourceOptions, open_source


def compressed(content: bytes, suffix: str) -> bytes:
    """`content` as the suffix `gz` or `zst` says, else unchanged."""
    if suffix == "gz":
        return gzip.compress(content)
    return bytes(pa.compress(content, "zstd", asbytes=True)) if suffix == "zst" else content


def read_chunks(path: Path, options: SourceOptions | None = None) -> list[Chunk]:
    """All chunks of a file."""
    source = open_source(Location.parse(str(path)), options or SourceOptions())
    try:
        return list(source.chunks())
    finally:
        source.close()


def read_rows(path: Path, options: SourceOptions | None = None) -> list[dict[str, Any]]:
    """The kept columns of all rows."""
    return [row for chunk in read_chunks(path, options) for row in chunk.records.to_pylist()]


def read_texts(path: Path, options: SourceOptions | None = None) -> list[str | None]:
    """What would be scored."""
    return [text for chunk in read_chunks(path, options) for text in chunk.texts]


def write_records(path: Path, records: pa.RecordBatch, lines: Sequence[str] | None = None) -> Path:
    """Write one chunk to a file in the format that its name tells; the last column stands for the predictions."""
    *kept, added = records.schema.names
    kept_records, predictions = records.select(kept), records.select([added])
    with open_sink(Location.parse(str(path)), FileType.of(path.name), kept_records.schema, predictions.schema) as sink:
        sink.write(kept_records, predictions, lines)
    return path
