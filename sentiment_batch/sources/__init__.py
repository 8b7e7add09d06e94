"""Read inputs (Parquet, CSV, TSV, JSON Lines) into chunks of rows and rejects."""

from collections.abc import Collection
from contextlib import closing

import pyarrow as pa

from sentiment_batch.errors import naming
from sentiment_batch.formats import Format
from sentiment_batch.locations import Location
from sentiment_batch.sources.chunk import Chunk, require_all, without_rejects
from sentiment_batch.sources.delimited import DelimitedSource
from sentiment_batch.sources.dialect import Dialect
from sentiment_batch.sources.files import InputFile
from sentiment_batch.sources.jsonl import JsonLinesSource
from sentiment_batch.sources.parquet import ParquetSource
from sentiment_batch.sources.reject import Reject
from sentiment_batch.sources.source import Source, SourceOptions, require_no_clash

__all__ = [
    "Chunk",
    "Dialect",
    "Reject",
    "Source",
    "SourceOptions",
    "open_source",
    "read_table",
    "require_all",
    "without_rejects",
]


def open_source(location: Location, options: SourceOptions, added: Collection[str] = ()) -> Source:
    """Open an input and resolve its columns; every error raised names the file.

    Raises UsageError if one of its columns has the name of one that is to be `added`; a JSON object further on that has
    it, and is passed on as it was written, is rejected.
    """
    file = InputFile(location)
    try:
        with naming(file.name):
            match file.format:
                case Format.PARQUET:
                    source: Source = ParquetSource(file, options)
                case Format.JSONL:
                    source = JsonLinesSource(file, options, added)
                case _:
                    source = DelimitedSource(file, options)
            require_no_clash(source.names, added)
        return source
    except BaseException:
        file.close()
        raise


def read_table(location: Location, options: SourceOptions) -> pa.Table:
    """Read a whole input into memory, for corpora rather than scoring; raises BadDataError for an unreadable record."""
    with closing(open_source(location, options)) as source:
        return pa.Table.from_batches([chunk.records for chunk in without_rejects(source)], source.schema)
