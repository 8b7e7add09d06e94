"""The same rows give the same bytes."""

import os
from pathlib import Path

import pyarrow as pa
import pytest
from support import write_records

NAMES = [f"a.{suffix}{compression}" for suffix in ("csv", "jsonl", "parquet") for compression in ("", ".gz", ".zst")]
RECORDS = pa.RecordBatch.from_pydict({"text": ["good", "bad"], "n_tokens": [3, 3]})


@pytest.mark.parametrize("name", NAMES)
def test_same_rows_same_bytes(tmp_path: Path, name: str) -> None:
    """Two runs over the same rows write the same bytes, free of times, names and chance."""
    (tmp_path / "other").mkdir()
    first = write_records(tmp_path / name, RECORDS)
    os.utime(first, (0, 0))
    assert write_records(tmp_path / "other" / name, RECORDS).read_bytes() == first.read_bytes()


def test_gzip_header_has_no_time(tmp_path: Path) -> None:
    """The time field of a gzip header is zero and no name follows it."""
    header = write_records(tmp_path / "a.csv.gz", RECORDS).read_bytes()[:10]
    assert header[3:8] == bytes(5)
