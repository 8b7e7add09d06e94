"""From batches to chunks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import read_chunks

from sentiment_batch.sources import Dialect, SourceOptions
from sentiment_batch.sources.chunk import CHUNK_BYTES, CHUNK_ROWS, rechunk

SCHEMA = pa.schema({"row": pa.int64(), "text": pa.string()})


def make_batches(sizes: list[int], text: str) -> list[pa.RecordBatch]:
    """Return batches of these sizes with rows numbered throughout."""
    edges = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return [
        pa.record_batch({"row": list(range(start, start + size)), "text": [text] * size}, schema=SCHEMA)
        for start, size in zip(edges, sizes, strict=False)
    ]


@settings(max_examples=30)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 2, 100, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1, 20_000]), max_size=6),
    text_size=st.sampled_from([0, 10, 2000]),
)
def test_rechunk(sizes: list[int], text_size: int) -> None:
    """The chunks hold the same rows in the same order, within both bounds, and none is empty."""
    batches = make_batches(sizes, "x" * text_size)
    chunks = list(rechunk(batches))
    assert pa.Table.from_batches(chunks, SCHEMA).equals(pa.Table.from_batches(batches, SCHEMA))
    assert all(0 < chunk.num_rows <= CHUNK_ROWS for chunk in chunks)
    assert all(chunk.nbytes <= CHUNK_BYTES for chunk in chunks)


@given(st.lists(st.integers(0, 200), max_size=30))
def test_small_batches_are_joined(sizes: list[int]) -> None:
    """Batches that fit into one chunk together become one."""
    assert len(list(rechunk(make_batches(sizes, "text")))) == (1 if sum(sizes) else 0)


def test_row_larger_than_a_chunk() -> None:
    """A row too large for a chunk becomes a chunk of its own."""
    batch = pa.record_batch({"row": [0, 1, 2], "text": ["a", "x" * (CHUNK_BYTES + 1), "b"]}, schema=SCHEMA)
    assert [chunk.column("row").to_pylist() for chunk in rechunk([batch])] == [[0], [1], [2]]


ONE_EACH = pa.array(range(CHUNK_ROWS + 1), pa.int32())


@pytest.mark.parametrize(
    "column_of",
    [
        lambda texts: texts,
        lambda texts: texts.cast(pa.large_string()),
        lambda texts: texts.cast(pa.string_view()),
        lambda texts: texts.dictionary_encode(),
        lambda texts: texts.cast(pa.binary()).dictionary_encode(),
        lambda texts: pa.ListArray.from_arrays(ONE_EACH, texts.dictionary_encode()),
        lambda texts: pa.MapArray.from_arrays(ONE_EACH, texts, texts.dictionary_encode()),
        lambda texts: pa.StructArray.from_arrays([texts.dictionary_encode()], ["k"]),
    ],
    ids=["string", "large_string", "string_view", "dictionary", "binary", "list", "map", "struct"],
)
def test_shared_buffers_count_once(column_of: Callable[[pa.Array], pa.Array]) -> None:
    """Slices that share a buffer, such as a dictionary, are not cut to single rows because the buffer is large."""
    column = column_of(pa.array([f"{row:04}" + "x" * 1500 for row in range(CHUNK_ROWS)]))
    chunks = list(rechunk([pa.record_batch({"text": column})]))
    assert len(chunks) <= 4
    assert [text for chunk in chunks for text in chunk.column("text").to_pylist()] == column.to_pylist()


@pytest.mark.parametrize("verbatim", [False, True])
def test_rows_among_the_rejects(tmp_path: Path, verbatim: bool) -> None:
    """A row turned into a reject disappears from all columns and takes its place among the other rejects."""
    lines = [f'{{"id": {row}, "text": "{row}"}}' if row != 2 else "{" for row in range(6)]
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    [chunk] = read_chunks(path, SourceOptions(verbatim=verbatim))
    left = chunk.without({0: "first", 3: "fourth"})  # counted among the rows that could be read
    assert left.texts == ["1", "3", "5"]
    assert left.lines == ([lines[1], lines[3], lines[5]] if verbatim else None)
    assert verbatim or left.records.to_pylist() == [{"id": row, "text": str(row)} for row in (1, 3, 5)]
    assert [(reject.line, reject.raw.decode().strip()) for reject in left.rejects] == [
        (number, lines[number - 1]) for number in (1, 3, 5)
    ]
    assert len(chunk) == 5


def test_delimited_rows_among_the_rejects(tmp_path: Path) -> None:
    """A record that was read well is rejected with all of its lines, and with what they are written in."""
    lines = ["id,text\n", '1,"a\nb"\n', "2\n", "3,\xe9\n"]
    path = tmp_path / "in.csv"
    path.write_bytes("".join(lines).encode("latin-1"))
    [chunk] = read_chunks(path, SourceOptions(dialect=Dialect(encoding="latin-1")))
    left = chunk.without({0: "first", 1: "third"})
    assert (left.texts, left.records.num_rows) == ([], 0)
    assert [(reject.line, reject.raw.decode("latin-1")) for reject in left.rejects] == [
        (2, lines[1]),
        (4, lines[2]),
        (5, lines[3]),
    ]
    assert {reject.encoding for reject in left.rejects} == {"latin-1"}


def test_rows_of_parquet_among_the_rejects(tmp_path: Path) -> None:
    """A row is counted with those before it that are rejected already."""
    texts = pa.array([b"a", b"\xff", b"b", b"c"]).view(pa.string())
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet", row_group_size=3)
    [chunk] = read_chunks(tmp_path / "in.parquet")
    left = chunk.without({1: "third", 2: "fourth"})
    assert left.texts == ["a"]
    assert [(reject.row_group, reject.row, reject.raw) for reject in left.rejects] == [
        (0, 1, b"\xff"),
        (0, 2, b"b"),
        (1, 0, b"c"),
    ]


def test_hash_of_a_chunk(tmp_path: Path) -> None:
    """It is that of all that was read: kept columns, texts, rejects, and how objects are spelled."""
    path = tmp_path / "in.jsonl"
    contents = [
        '{"id": 1, "text": "a"}',
        '{"id": 2, "text": "a"}',
        '{"id": 1, "text": "b"}',
        '{"id": 1, "text": ""}',
        '{"id": 1, "text": null}',
        '{"id": 1, "text": "a"}\n{',
        '{"id": 1, "text": "a"}\n[',
        '{"id": 1, "text": "a"}\n{"id": 1, "text": "a"}',
    ]

    def hashes(contents: list[str], **options: Any) -> list[str]:
        found = []
        for content in contents:
            path.write_text(content, "utf-8")
            [chunk] = read_chunks(path, SourceOptions(**options))
            found.append(chunk.sha256)
        return found

    assert len(set(hashes(contents))) == len(contents)
    assert hashes(contents) == hashes(contents)
    assert len(set(hashes(['{"text": "a"}', '{"text":"a"}'], verbatim=True))) == 2
    assert len(set(hashes(contents[:5], columns=("id",)))) == 5
