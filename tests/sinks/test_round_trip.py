"""What a sink writes, a source reads back."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import read_chunks, read_rows, write_records

from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, read_table

COMPRESSIONS = ["", ".gz", ".zst"]
SUFFIXES = ["csv", "tsv", "jsonl", "parquet"]
SCHEMA = pa.schema({"text": pa.string(), "other": pa.string()})

NASTY = st.text(st.sampled_from("a,\t\"'\r\n\x00\\=+-@;ä👍\u2028\x85\ufeff "), max_size=8)
FIELD = NASTY | st.text(max_size=20)
ROWS = st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5)
HARD = [("", ""), ("\r", "\n"), ("=1+1", "'"), ("\x00", '"'), ("\ufeff", "\\N"), (" a ", "\t")]
JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | FIELD
JSON_OBJECTS = st.dictionaries(FIELD, JSON_VALUES | st.lists(JSON_VALUES, max_size=3), max_size=3)


def records_of(rows: Sequence[tuple[str | None, str | None]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"text": text, "other": other} for text, other in rows], SCHEMA)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=30)
@given(rows=ROWS, compression=st.sampled_from(COMPRESSIONS))
@example(rows=HARD, compression="")
@example(rows=HARD, compression=".gz")
@example(rows=HARD, compression=".zst")
def test_any_text(scratch: Path, suffix: str, rows: list[tuple[str, str]], compression: str) -> None:
    """Any text in any column comes back as it was, in every format and compression."""
    records = records_of(rows)
    assert read_rows(write_records(scratch / f"a.{suffix}{compression}", records)) == records.to_pylist()


@pytest.mark.parametrize(("suffix", "null"), [("csv", ""), ("tsv", ""), ("jsonl", None), ("parquet", None)])
def test_null(tmp_path: Path, suffix: str, null: str | None) -> None:
    """Null stays null where the format has it, and becomes an empty field otherwise."""
    path = write_records(tmp_path / f"a.{suffix}", records_of([(None, "x"), ("a", None)]))
    assert read_rows(path) == [{"text": null, "other": "x"}, {"text": "a", "other": null}]


@settings(max_examples=50)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_float32_in_text(scratch: Path, values: list[float]) -> None:
    """A float32 is written with at most nine digits, which read back as the same bits."""
    column = np.array(values, dtype=np.float32)
    records = pa.RecordBatch.from_pydict({"text": [""] * len(values), "x": pa.array(column)})
    written = [row["x"] for row in read_rows(write_records(scratch / "a.csv", records))]
    assert np.array(written, dtype=np.float32).tobytes() == column.tobytes()
    assert max(len(Decimal(text).normalize().as_tuple().digits) for text in written) <= 9


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@settings(max_examples=10)
@given(data=st.data())
def test_floats(scratch: Path, kind: str, suffix: str, data: st.DataObject) -> None:
    """No float loses a bit in any format."""
    floats = st.floats(allow_nan=False, allow_infinity=False, width=32 if kind == "float32" else 64)
    values = data.draw(st.lists(floats, min_size=1))
    column = np.array(values, dtype=kind)
    records = pa.RecordBatch.from_pydict({"text": [""] * len(values), "x": pa.array(column)})
    read = [row["x"] for row in read_rows(write_records(scratch / f"a.{suffix}", records))]
    assert np.array(read, dtype=kind).tobytes() == column.tobytes()


@settings(max_examples=50)
@given(
    objects=st.lists(JSON_OBJECTS, min_size=1, max_size=4), ascii_only=st.booleans(), space=st.sampled_from(["", " "])
)
def test_verbatim_objects(scratch: Path, objects: list[dict[str, object]], ascii_only: bool, space: str) -> None:
    """Objects passed through verbatim are in the output byte for byte, followed by the new members."""
    objects = [{**value, "text": "good"} for value in objects]
    separators = (f",{space}", f":{space}")
    lines = [json.dumps(value, ensure_ascii=ascii_only, separators=separators) for value in objects]
    source = scratch / "in.jsonl"
    source.write_text("\n".join(f"{space}{line}{space}" for line in lines), "utf-8", newline="")
    [chunk] = read_chunks(source, SourceOptions(verbatim=True))
    added = pa.RecordBatch.from_pydict({"added!": ["é"] * len(lines)})
    path = write_records(scratch / "out.jsonl", added, chunk.lines)
    written = path.read_bytes().decode("utf-8").split("\n")
    assert written == [f'{line[:-1]}, "added!": "é"}}' for line in lines] + [""]
    assert [json.loads(line) for line in written[:-1]] == [{**value, "added!": "é"} for value in objects]


@pytest.mark.parametrize("line", ["{}", "{ }", '{"text":"a" }', '{"text": "{}"}'])
def test_members_before_the_closing_brace(tmp_path: Path, line: str) -> None:
    """New members are added to an object of any spelling, even an empty one, so that it stays JSON."""
    path = write_records(tmp_path / "a.jsonl", pa.RecordBatch.from_pydict({"n": [1]}), [line])
    assert json.loads(path.read_text("utf-8")) == {**json.loads(line), "n": 1}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_parquet_keeps_types(tmp_path: Path, compression: str) -> None:
    """Parquet output keeps the types and metadata of Parquet input."""
    table = pa.table(
        {
            "text": pa.array(["a", None], pa.large_string()),
            "price": pa.array([None, 1], pa.decimal128(9, 2)),
            "tags": pa.array([["x"], None], pa.list_(pa.field("element", pa.string()))),
            "shop": pa.array(["s", "t"]).dictionary_encode(),
        }
    ).replace_schema_metadata({"origin": "shop"})
    path = write_records(tmp_path / f"a.parquet{compression}", table.to_batches()[0])
    read = read_table(Location.parse(str(path)), SourceOptions())
    assert read.schema.equals(table.schema, check_metadata=True)
    assert read.equals(table)


@pytest.mark.parametrize("listed", [["text", "left out", "at"], None])
def test_columns_listed_for_others(tmp_path: Path, listed: list[str] | None) -> None:
    """The list by which Spark goes holds the columns that are there; Avro's, or what is no such list, is left out."""
    spark, at = "org.apache.spark.sql.parquet.row.metadata", {"name": "at", "type": "timestamp", "nullable": True}
    fields = listed and [at | {"name": name} for name in listed]
    metadata = {"origin": "shop", "parquet.avro.schema": "{}", spark: json.dumps({"type": "struct", "fields": fields})}
    kept = _metadata_kept(tmp_path, metadata)
    assert kept.pop(b"origin") == b"shop"
    written = [json.loads(value)["fields"] for value in kept.values()]
    added = {"name": "n_tokens", "type": "integer", "nullable": True, "metadata": {}}
    assert written == ([[at | {"name": "text"}, at, added]] if listed else [])


@pytest.mark.parametrize(("kinds", "left"), [(["str"], 1), (["object"], 1), (["int64"], 0), (["str", "str"], 0)])
def test_names_of_columns_in_pandas(tmp_path: Path, kinds: list[str], left: int) -> None:
    """What pandas keeps stays; but the added columns are not to be numbers or tuples, if the others have such names."""
    pandas = {"index_columns": ["at"], "column_indexes": [{"numpy_type": kind} for kind in kinds]}
    kept = json.loads(_metadata_kept(tmp_path, {"pandas": json.dumps(pandas)})[b"pandas"])
    assert kept == pandas | {"column_indexes": pandas["column_indexes"][:left]}


def _metadata_kept(folder: Path, metadata: dict[str, str]) -> dict[bytes, bytes]:
    columns = pa.schema({"text": pa.string(), "at": pa.timestamp("us"), "n_tokens": pa.int32()}, metadata)
    kept = pq.read_schema(write_records(folder / "a.parquet", pa.RecordBatch.from_pylist([], columns))).metadata
    return dict(kept)
