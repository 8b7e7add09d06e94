"""Small files that become huge, and endless records: a clean error, or rejects, in bounded memory."""

import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.process import Command, Result, error_line
from cli.tables import read_rejects, read_table
from support import compressed

MEGABYTE = 2**20
MOST_BYTES = 800 * MEGABYTE
MEASURED = Path(__file__).with_name("measured.py")

GOOD = {"csv": b"id,text\n1,good\n", "jsonl": b'{"id": "1", "text": "good"}\n'}
LAST = {"csv": b"\n3,bad\n", "jsonl": b'\n{"id": "3", "text": "bad"}\n'}


def score_measured(score: Command, *arguments: str) -> Result:
    """Score, and check that peak memory stays within the bound whatever the result."""
    report = score.folder.with_suffix(".peak")
    result = replace(score, runner=(sys.executable, str(MEASURED), str(report)))(*arguments)
    assert int(report.read_text()) < MOST_BYTES
    return result


@pytest.mark.parametrize("unit", [b"\n", b"x", b"\0"], ids=["lines", "line", "zeros"])
@pytest.mark.parametrize("name", ["r.csv.gz", "r.csv.zst", "r.jsonl.gz", "r.tsv.zst"])
def test_compressed(score: Command, name: str, unit: bytes) -> None:
    """Megabytes that decompress to gigabytes are refused before any row of them is read."""
    _, kind, suffix = name.split(".")
    good, member = (compressed(content, suffix) for content in (GOOD.get(kind, b"id\ttext\n"), unit * 16 * MEGABYTE))
    (score.folder / name).write_bytes(good + member * 640)
    assert (score.folder / name).stat().st_size < 12 * MEGABYTE
    result = score_measured(score, name)
    assert (result.code, result.stdout) == (65, "")
    assert error_line(result).startswith(f"{name}: its ")
    assert "a decompression bomb" in error_line(result)
    assert list(score.contents()) == [name]


@pytest.mark.parametrize("text_bytes", [MEGABYTE, 50 * MEGABYTE])
def test_dictionary(score: Command, text_bytes: int) -> None:
    """A text stored once in a Parquet file and used by thousands of rows is not decoded thousands of times."""
    text = ("good " * (text_bytes // 5)).encode()
    rows = 10_000 * MEGABYTE // text_bytes
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text.decode()]))
    pq.write_table(pa.table({"text": texts}), score.folder / "r.parquet", compression="zstd", store_schema=False)
    assert (score.folder / "r.parquet").stat().st_size < MEGABYTE
    result = score_measured(score, "r.parquet")
    assert (result.code, result.stdout) == (65, "")
    assert error_line(result).startswith("r.parquet: its ")
    assert list(score.contents()) == ["r.parquet"]


def test_large_texts_in_parquet(score: Command) -> None:
    """Texts above the size limit are rejected one by one, and the others are scored."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 10, pa.int32()), pa.array(["good", "x" * 20_000_000]))
    pq.write_table(pa.table({"text": texts}), score.folder / "r.parquet", compression="zstd", store_schema=False)
    result = score_measured(score, "r.parquet", "-q", "--max-reject-rate", "0.5", "--columns", "text")
    assert (result.code, result.stderr) == (3, "")
    assert [row["sentiment"] for row in read_table(score.folder / "r.scored.parquet")] == ["very positive"] * 10
    rejects = read_rejects(score.folder / "r.scored.parquet")
    assert [reject["row"] for reject in rejects] == list(range(1, 20, 2))


@pytest.mark.parametrize("suffix", GOOD)
@pytest.mark.parametrize("start", [b"2,", b'2,"', b'{"id": "2", "text": "', b'{"id": ' + b"[" * MEGABYTE])
def test_endless_record(score: Command, suffix: str, start: bytes) -> None:
    """A line of 100 MB costs only itself, however it begins."""
    name = f"r.{suffix}"
    (score.folder / name).write_bytes(GOOD[suffix] + start + b"good " * (20 * MEGABYTE) + LAST[suffix])
    result = score_measured(score, name)
    assert (result.code, result.stdout) == (65, "")
    assert "1 of 3 records are rejected" in error_line(result)
    assert [row["id"] for row in read_table(score.folder / f"r.scored.{suffix}")] == ["1", "3"]
    [reject] = read_rejects(score.folder / f"r.scored.{suffix}")
    assert reject["offset"] == len(GOOD[suffix])
    assert len(reject["raw"]) < MEGABYTE


def test_large_texts(score: Command) -> None:
    """A text of 16 MB, the most that is read by default, is scored in little memory."""
    text = "good " * (16 * MEGABYTE // 5)
    (score.folder / "r.csv").write_text("text\n" + f"{text}\n" * 4)
    assert score_measured(score, "r.csv", "-q", "-o", "out.jsonl").code == 0
    rows = read_table(score.folder / "out.jsonl")
    assert [(row["sentiment"], row["truncated"]) for row in rows] == [("very positive", True)] * 4
