"""How values of every type are written."""

import gc
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import write_records

from sentiment_batch.errors import UsageError
from sentiment_batch.formats import FileType
from sentiment_batch.sinks import Layout, open_sink

NAN, INFINITY = float("nan"), float("inf")

NULLS = {"at": "1", "l": [None, None]}


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("separator", [",", "\t"])
def test_delimited_text(tmp_path: Path, separator: str) -> None:
    """Records end in a line feed, fields are quoted only if necessary, and null is an empty field."""
    texts = ["plain", f"a{separator}b", 'say "so"', "line\nfeed", "cr\rhere", None]
    records = pa.RecordBatch.from_pydict({"text": texts, "n": texts})
    path = write_records(tmp_path / ("a.csv" if separator == "," else "a.tsv"), records)
    fields = ["text", "plain", f'"a{separator}b"', '"say ""so"""', '"line\nfeed"', '"cr\rhere"', ""]
    expected = "".join(f"{field}{separator}{'n' if field == 'text' else field}\n" for field in fields)
    assert path.read_bytes().decode("utf-8") == expected


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([True]), "true"),
        (pa.array([7]), "7"),
        (pa.array([0.1]), "0.1"),
        (pa.array([0.1], pa.float32()), "0.1"),
        (pa.array([1e-7], pa.float32()), "1e-07"),
        (pa.array([0.1], pa.float16()), "0.1"),
        (pa.array([150], pa.int64()).cast(pa.decimal128(21, 2)), "150.00"),
        (pa.array([datetime(2024, 2, 29, 12, 30)], pa.timestamp("s")), "2024-02-29 12:30:00"),
        (pa.array([1], pa.timestamp("s", "Mars/Olympus")).dictionary_encode(), "1970-01-01 00:00:01Z"),
        (pa.array(["s"]).dictionary_encode(), "s"),
        (pa.array([None]), ""),
        (pa.array([NAN]), ""),
        (pa.array([NAN], pa.float32()), ""),
    ],
)
def test_values_in_csv(tmp_path: Path, column: pa.Array, text: str) -> None:
    """Each type has one plain spelling in CSV."""
    path = write_records(tmp_path / "a.csv", pa.RecordBatch.from_pydict({"value": column, "text": ["a"]}))
    assert path.read_text("utf-8") == f"value,text\n{text},a\n"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (pa.array([True]), True),
        (pa.array([2**60 + 1]), 2**60 + 1),
        (pa.array([0.1], pa.float32()), 0.1),
        (pa.array([b"\xff"]), "/w=="),
        (pa.array([[{"k": b"\xff"}]]), [{"k": "/w=="}]),
        (pa.array([150], pa.int64()).cast(pa.decimal128(21, 2)), "150.00"),
        (pa.array([datetime(2024, 2, 29, 12, 30)], pa.timestamp("s")), "2024-02-29 12:30:00"),
        (pa.array([1_700_000_000_000_000_001], pa.timestamp("ns", "UTC")), "2023-11-14 22:13:20.000000001Z"),
        (pa.array([1], pa.timestamp("s", "Mars/Olympus")), "1970-01-01 00:00:01Z"),
        (pa.array([3_000_000], pa.int32()).view(pa.date32()), "10183-09-21"),
        (pa.array([5], pa.duration("ns")), "5"),
        (pa.array([[{"at": 1}]], pa.list_(pa.struct({"at": pa.time64("ns")}))), [{"at": "00:00:00.000000001"}]),
        (pa.array([[1]], pa.large_list(pa.timestamp("ns"))), ["1970-01-01 00:00:00.000000001"]),
        (pa.array([{"at": 1, "l": [None] * 2}], pa.struct({"at": pa.duration("s"), "l": pa.list_(pa.null())})), NULLS),
        (pa.array(["s"]).dictionary_encode(), "s"),
        (pa.array([NAN]), None),
        (pa.array([NAN], pa.float32()), None),
        (pa.array([INFINITY]), None),
        (pa.array([-INFINITY], pa.float32()), None),
        (pa.array([[NAN, 1.0]]), [None, 1.0]),
    ],
)
def test_values_in_json(tmp_path: Path, column: pa.Array, value: Any) -> None:
    """Each type becomes a value in strict JSON."""
    path = write_records(tmp_path / "a.jsonl", pa.RecordBatch.from_pydict({"value": column, "text": ["a"]}))
    assert json.loads(path.read_text("utf-8"), parse_constant=refuse) == {"value": value, "text": "a"}


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["x"]]),
        pa.array([{"k": 1}]),
        pa.array([b"\xff"]),
        pa.array([b"\xff"], pa.large_binary()),
        pa.array([b"\xff"], pa.binary(1)),
        pa.array([b"\xff" * 16], pa.binary(16)).cast(pa.uuid()),
        pa.array([b"\xff"]).dictionary_encode(),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    ],
)
def test_values_that_csv_cannot_hold(tmp_path: Path, column: pa.Array) -> None:
    """Nested and binary columns are refused before a byte is written, and the message says what to do."""
    with pytest.raises(UsageError, match=r"column 'value' \(.*\) does not fit into CSV: leave it out \(--columns\)"):
        write_records(tmp_path / "a.csv", pa.RecordBatch.from_pydict({"value": column, "text": ["a"]}))
    assert (tmp_path / "a.csv").read_bytes() == b""


def test_names_that_guarding_would_make_one(tmp_path: Path) -> None:
    """No CSV is written that has two columns of the same name."""
    schema, none = pa.schema({"'=a": pa.string(), "=a": pa.string()}), pa.schema([])
    layout = Layout(FileType.of("a.csv"), schema, none, guard_formulas=True)
    with (
        pytest.raises(
            UsageError, match=r"columns '=a' and \"'=a\" would have one name \(--guard-formulas\): rename one"
        ),
        (tmp_path / "a.csv").open("wb") as raw,
        open_sink(raw, layout),
    ):
        pass


def test_byte_order_mark_in_a_name(tmp_path: Path) -> None:
    """No CSV is written whose first column would be read by another name."""
    with pytest.raises(UsageError, match=r"column '\\ufeffid' would begin the file with a byte order mark: rename it"):
        write_records(tmp_path / "a.csv", pa.RecordBatch.from_pydict({"\ufeffid": ["1"], "text": ["a"]}))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([{}], pa.struct([])),
        pa.array([[{}]], pa.list_(pa.struct([]))),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    ],
)
def test_values_that_parquet_cannot_hold(tmp_path: Path, column: pa.Array) -> None:
    """A type that Parquet lacks is refused by the name of its column, not of what is nested in it."""
    with pytest.raises(
        UsageError, match=r"column 'value' \(.*\) does not fit into Parquet: leave it out \(--columns\)"
    ):
        write_records(tmp_path / "a.parquet", pa.RecordBatch.from_pydict({"value": column, "text": ["a"]}))


def test_values_that_json_cannot_hold(tmp_path: Path) -> None:
    """A record with two fields of one name is refused before a byte is written, wherever it is nested."""
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["k", "k"])
    for column in (twice, pa.ListArray.from_arrays([0, 1], twice)):
        with pytest.raises(
            UsageError, match=r"column 'value' \(.*\) does not fit into JSON: leave it out \(--columns\), or write Parq"
        ):
            write_records(tmp_path / "a.jsonl", pa.RecordBatch.from_pydict({"value": column, "text": ["a"]}))
        assert (tmp_path / "a.jsonl").read_bytes() == b""


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_rows_of_other_columns(tmp_path: Path) -> None:
    """Rows cannot follow those of a file with other columns; the half-written file is left without a complaint."""
    before = write_records(tmp_path / "a.parquet", pa.RecordBatch.from_pydict({"text": ["a"], "n": [1]}))
    schema = pa.schema({"text": pa.string()})
    layout = Layout(FileType.of("b.parquet"), schema, pa.schema({"m": pa.int64()}), guard_formulas=False)
    with (
        pytest.raises(ValueError, match="schema does not match"),
        (tmp_path / "b.parquet").open("wb") as raw,
        open_sink(raw, layout, before),
    ):
        pass
    gc.collect()


def test_no_rows(tmp_path: Path) -> None:
    """Without rows, the columns are still written if the format has them."""
    records = pa.RecordBatch.from_pylist([], pa.schema({"text": pa.string(), "n": pa.int32()}))
    assert write_records(tmp_path / "a.csv", records).read_text("utf-8") == "text,n\n"
    assert write_records(tmp_path / "a.jsonl", records).read_text("utf-8") == ""
    assert pq.read_schema(write_records(tmp_path / "a.parquet", records)).names == ["text", "n"]
