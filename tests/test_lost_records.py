"""Whichever generator between the input and the output ends before its time, no short output appears."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support import write_records

from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.jobs import Job
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.reader import Reader
from sentiment_batch.scoring import Scorer
from sentiment_batch.sources import SourceOptions, delimited, jsonl, parquet, read_table
from sentiment_batch.sources.batches import BatchReader
from sentiment_batch.sources.chunk import CHUNK_ROWS
from sentiment_batch.sources.delimited import DelimitedSource
from sentiment_batch.sources.jsonl import JsonLinesSource
from sentiment_batch.sources.lines import PhysicalLines
from sentiment_batch.sources.parquet import ParquetSource
from sentiment_batch.sources.records import Records
from sentiment_batch.staging import Staging
from sentiment_batch.summary import Progress
from sentiment_batch.worker import Worker

Generator = Callable[..., Iterator[Any]]


def ending_early(generator: Generator) -> Generator:
    """As CPython's may where memory runs out: it gives one item, and is done."""
    return lambda *args, **kwargs: islice(generator(*args, **kwargs), 1)


@pytest.mark.parametrize(
    ("owner", "name", "source", "output"),
    [
        (PhysicalLines, "__iter__", "a.csv", "b.csv"),
        (Records, "__iter__", "a.csv", "b.csv"),
        (delimited, "chunked", "a.csv", "b.csv"),
        (DelimitedSource, "chunks", "a.csv", "b.csv"),
        (PhysicalLines, "__iter__", "a.jsonl", "b.csv"),
        (JsonLinesSource, "_records", "a.jsonl", "b.csv"),
        (jsonl, "chunked", "a.jsonl", "b.csv"),
        (JsonLinesSource, "chunks", "a.jsonl", "b.csv"),
        (parquet, "rechunk", "a.parquet", "b.csv"),
        (BatchReader, "batches", "a.parquet", "b.csv"),
        (ParquetSource, "chunks", "a.parquet", "b.csv"),
        (Reader, "chunks", "a.csv", "b.csv"),
        (Reader, "chunks", "a.csv", "-"),
        (Scorer, "stream", "a.csv", "b.csv"),
        (Scorer, "stream", "a.csv", "-"),
        (Staging, "parts", "a.csv", "b.csv"),
    ],
)
def test_every_record_gets_through(
    tiny_scorer: Scorer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    source: str,
    output: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_records(Path(source), pa.RecordBatch.from_pydict({"text": ["good film", "worse"] * CHUNK_ROWS}))
    job = Job((Location.parse(source),), Output.at(Location.parse(output)))
    worker = Worker(
        tiny_scorer, SourceOptions(), PredictionColumns.of(tiny_scorer.bundle, prefix="", probabilities=False)
    )
    monkeypatch.setattr(owner, name, ending_early(getattr(owner, name)))
    with pytest.raises(SentimentBatchError, match=r"run the same command again|damaged"):
        worker.run(job, Progress())
    assert not Path("b.csv").exists()


@pytest.mark.parametrize(
    ("owner", "name", "source"),
    [
        (delimited, "chunked", "a.csv"),
        (DelimitedSource, "chunks", "a.csv"),
        (jsonl, "chunked", "a.jsonl"),
        (JsonLinesSource, "chunks", "a.jsonl"),
        (ParquetSource, "chunks", "a.parquet"),
    ],
)
def test_a_table_holds_every_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, source: str
) -> None:
    path = write_records(tmp_path / source, pa.RecordBatch.from_pydict({"text": ["good film", "worse"] * CHUNK_ROWS}))
    assert read_table(Location.parse(str(path)), SourceOptions()).num_rows == 2 * CHUNK_ROWS
    monkeypatch.setattr(owner, name, ending_early(getattr(owner, name)))
    with pytest.raises(SentimentBatchError, match="run the same command again"):
        read_table(Location.parse(str(path)), SourceOptions())
