"""Parquet."""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import read_chunks, read_in_a_process, read_rejects, read_rows, read_texts

from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.sources import Dialect, SourceOptions, open_source, read_table
from sentiment_batch.sources.chunk import CHUNK_ROWS

TEXTS = ["good", None, "", "bad\r\n\x00ä"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.parquet"


def test_types_are_kept(path: Path) -> None:
    """Every column keeps its type and its values, nested ones, dictionaries and metadata included."""
    table = pa.table(
        {
            "text": pa.array(["a", "b"], pa.large_string()),
            "when": pa.array([0, 1], pa.timestamp("us", "UTC")),
            "price": pa.array([None, 1], pa.decimal128(9, 2)),
            "tags": pa.array([["x", "y"], []], pa.list_(pa.string())),
            "meta": pa.array([{"k": 1}, None]),
            "nulls": pa.array([[None] * 3, []]),
            "shop": pa.array(["s", "s"]).dictionary_encode(),
            "raw": pa.array([b"\xff", None], pa.binary()),
        }
    ).replace_schema_metadata({"origin": "shop"})
    pq.write_table(table, path)
    read = read_table(Location.parse(str(path)), SourceOptions())
    assert read.equals(table)
    assert read.schema.equals(pq.read_schema(path), check_metadata=True)


YEARS_1_AND_9999 = [-719_162 * 86_400 * 10**6, 253_402_300_799 * 10**6]


def times(values: list[int], unit: str) -> pa.Table:
    """Return times in columns of many kinds."""
    time = pa.timestamp(unit)
    lists = [pa.list_(time), pa.large_list(time), pa.list_(time, 1)]
    return pa.table(
        {
            "text": ["good"] * len(values),
            "at": pa.array(values, time),
            "record": pa.array([{"at": value} for value in values], pa.struct({"at": time})),
            "map": pa.array([[("at", value)] for value in values], pa.map_(pa.string(), time)),
            **{str(kind): pa.array([[value] for value in values], kind) for kind in lists},
        }
    )


@pytest.mark.parametrize(("values", "unit"), [(YEARS_1_AND_9999, "us"), ([1, -1], "ns"), ([0, 1], "us")])
def test_times_as_int96(path: Path, values: list[int], unit: str) -> None:
    """Times as Spark and Impala write them keep their years, which may be 1 or 9999, or their nanoseconds."""
    table = times(values, unit)
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    read = read_table(Location.parse(str(path)), SourceOptions())
    assert read.equals(table)


def test_times_that_no_unit_holds(path: Path) -> None:
    """Nanoseconds and distant years in one file are bad data, unless they are left out."""
    table = pa.table({"text": ["a"], "far": times(YEARS_1_AND_9999[:1], "us")["at"], "near": times([1], "ns")["at"]})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    with pytest.raises(
        BadDataError, match=r"far, near: INT96 times with nanoseconds, .*: leave them out \(--columns\)"
    ):
        read_chunks(path)
    for name in table.column_names:
        assert len(read_texts(path, SourceOptions(columns=(name,)))) == 1


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_kinds_of_text(path: Path, kind: pa.DataType) -> None:
    """Text is read in every form that Arrow holds it in, and null stays apart from empty."""
    pq.write_table(pa.table({"text": pa.array(TEXTS).cast(kind)}), path)
    assert read_texts(path) == TEXTS
    assert [row["text"] for row in read_rows(path)] == TEXTS


@pytest.mark.parametrize("column", [[1, 2], [b"a", b"b"], [["a"], ["b"]], [None, None]])
def test_column_without_text(path: Path, column: list[object]) -> None:
    """A text column that holds something else is an error that names its type."""
    pq.write_table(pa.table({"text": column}), path)
    with pytest.raises(UsageError, match=r"column 'text' holds .*, not text: name another with --text-column"):
        read_chunks(path)


def test_small_row_groups_are_joined(path: Path) -> None:
    """Chunks do not depend on how the writer cut the file into row groups."""
    pq.write_table(pa.table({"text": [str(row) for row in range(1000)]}), path, row_group_size=7)
    assert [len(chunk) for chunk in read_chunks(path)] == [1000]
    assert read_texts(path) == [str(row) for row in range(1000)]


def test_large_row_groups_are_cut(path: Path) -> None:
    """A row group of any size is split into bounded chunks."""
    texts = [str(row) for row in range(3 * CHUNK_ROWS + 5)]
    pq.write_table(pa.table({"text": texts}), path)
    assert max(len(chunk) for chunk in read_chunks(path)) <= CHUNK_ROWS
    assert read_texts(path) == texts


def test_kept_columns(path: Path) -> None:
    """Only the columns asked for are kept, in the order of the file; the text column need not be among them."""
    pq.write_table(pa.table({"a": [1], "text": ["good"], "b": [2], "c": [3]}), path)
    assert read_rows(path, SourceOptions(columns=("c", "a"))) == [{"a": 1, "c": 3}]
    assert read_texts(path, SourceOptions(columns=("c", "a"))) == ["good"]


def test_no_rows(path: Path) -> None:
    """A file without rows has columns and no chunks."""
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    source = open_source(Location.parse(str(path)), SourceOptions())
    assert (source.names, source.rows, list(source.chunks())) == (["text"], 0, [])
    source.close()


def test_rows_are_known_ahead(path: Path) -> None:
    """The number of rows is known from the footer, and so is the fraction read."""
    pq.write_table(pa.table({"text": ["a"] * 10}), path)
    source = open_source(Location.parse(str(path)), SourceOptions())
    assert (source.rows, source.fraction_read()) == (10, 0)
    assert [source.fraction_read() for _ in source.chunks()] == [1]
    source.close()


def test_repeated_name(path: Path) -> None:
    """Two columns of the same name are an error, since one would be lost."""
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]), path)
    with pytest.raises(UsageError, match="several columns are named 'text'"):
        read_chunks(path)


STRING = pa.string()


def strings(values: list[bytes | None], kind: pa.DataType = STRING) -> pa.Array:
    """Return strings of these bytes, whether or not they are UTF-8."""
    if pa.types.is_dictionary(kind):
        places = pa.array([None if value is None else place for place, value in enumerate(values)], kind.index_type)
        return pa.DictionaryArray.from_arrays(places, strings([value or b"" for value in values]))
    binary = {STRING: pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}[kind]
    return pa.array(values, binary).view(kind)


@given(
    values=st.lists(st.none() | st.text().map(str.encode) | st.binary(max_size=4), min_size=1, max_size=20),
    group_size=st.integers(1, 7),
)
def test_any_bytes_as_text(scratch: Path, values: list[bytes | None], group_size: int) -> None:
    """Every row of text comes back; a row that is not text is rejected with its row group, row and bytes."""
    path = scratch / "a.parquet"
    pq.write_table(
        pa.table({"text": strings(values), "row": list(range(len(values)))}), path, row_group_size=group_size
    )
    texts, rejects = [], []
    for row, value in enumerate(values):
        try:
            texts.append((row, None if value is None else value.decode()))
        except UnicodeDecodeError:
            rejects.append((*divmod(row, group_size), value, "'text' is not UTF-8 text"))
    [chunk] = read_chunks(path)
    assert list(zip(chunk.records.column("row").to_pylist(), chunk.texts, strict=True)) == texts
    assert [(bad.row_group, bad.row, bad.raw, bad.reason) for bad in chunk.rejects] == rejects
    assert {(bad.line, bad.offset) for bad in chunk.rejects} <= {(None, None)}


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_bad_bytes_in_any_kind_of_text(path: Path, kind: pa.DataType) -> None:
    """However Arrow holds text, only rows with bad text are rejected; text in other kept columns counts too."""
    values = [b"good", b"bad", None, b"\xff", b"so-so", None]
    other = [b"a", b"\xc3(", b"c", b"d", b"e", b"\xff"]
    pq.write_table(pa.table({"text": strings(values, kind), "other": strings(other, kind)}), path)
    assert [tuple(row.values()) for row in read_rows(path)] == [("good", "a"), (None, "c"), ("so-so", "e")]
    assert [(bad.row, bad.raw, bad.reason) for bad in read_rejects(path)] == [
        (1, b"bad", "'other' is not UTF-8 text"),
        (3, b"\xff", "'text' is not UTF-8 text"),
        (5, b"", "'other' is not UTF-8 text"),
    ]
    assert read_texts(path, SourceOptions(columns=("text",))) == ["good", "bad", None, "so-so", None]


def test_bad_bytes_within_a_list(path: Path) -> None:
    """Text within lists is checked too."""
    tags = pa.ListArray.from_arrays([0, 1, 3, 3], strings([b"x", b"y", b"\xff"]))
    pq.write_table(pa.table({"text": ["a", "b", "c"], "tags": tags}), path)
    assert read_rows(path) == [{"text": "a", "tags": ["x"]}, {"text": "c", "tags": []}]
    assert [(bad.row, bad.raw, bad.reason) for bad in read_rejects(path)] == [(1, b"b", "'tags' is not UTF-8 text")]


def test_nothing_but_bad_rows(path: Path) -> None:
    """A file of bad rows only has chunks without rows, whose rejects are numbered within their row groups."""
    pq.write_table(pa.table({"text": strings([b"\xff"] * (CHUNK_ROWS + 5))}), path, row_group_size=CHUNK_ROWS + 1)
    chunks = read_chunks(path)
    assert [(len(chunk), len(chunk.rejects)) for chunk in chunks] == [(0, CHUNK_ROWS), (0, 5)]
    assert [(bad.row_group, bad.row) for bad in chunks[1].rejects] == [(0, CHUNK_ROWS), (1, 0), (1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize("content", [b"text\ngood\n", b"PAR1", b"PAR1" * 10, b"\x00" * 100])
def test_not_parquet(path: Path, content: bytes) -> None:
    """A file that is not Parquet says so on one line."""
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=rf"\A{path} is not a readable Parquet file: .+\Z"):
        read_chunks(path)


def read_variants(path: Path, contents: Iterable[bytes]) -> list[dict[str, Any]]:
    """Write files of these contents and return what came of reading each."""
    paths = []
    for number, content in enumerate(contents):
        paths.append(path.with_name(f"{number}.parquet"))
        paths[-1].write_bytes(content)
    return read_in_a_process([(path, None) for path in paths])


def footer_start(content: bytes) -> int:
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_cut_short(path: Path, compression: str) -> None:
    """A truncated file is an error, wherever it was cut."""
    pq.write_table(pa.table({"text": [f"film {row}" for row in range(5000)]}), path, compression=compression)
    content = path.read_bytes()
    for part in range(64):
        path.write_bytes(content[: len(content) * part // 64])
        with pytest.raises(BadDataError, match="not a readable Parquet file" if part else "the file is empty"):
            read_chunks(path)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none"},
        {"compression": "snappy", "data_page_version": "2.0"},
        {"compression": "zstd", "use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY", "tags.list.element": "PLAIN"}},
    ],
    ids=["plain", "snappy", "zstd", "delta"],
)
def test_flipped_bits(path: Path, options: dict[str, Any]) -> None:
    """A damaged file is read or refused; the interpreter survives, and little memory is used."""
    rows = [{"text": f"film {row % 7}" if row % 5 else None, "tags": ["a", str(row)]} for row in range(300)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100, **options)
    content, generator = path.read_bytes(), random.Random(27)

    def flipped() -> bytes:
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 4])):
            damaged[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        return bytes(damaged)

    found = read_variants(path, (flipped() for _ in range(250)))
    assert {result["code"] for result in found} <= {0, 2, 65}
    assert [result["code"] for result in found].count(65) > 100
    assert max(result["peak_bytes"] for result in found) < 500 * 2**20


def test_claims_too_large(path: Path) -> None:
    """Counts and sizes in a footer are not trusted, however large they are."""
    pq.write_table(pa.table({"text": ["good"] * 100}), path, store_schema=False)
    content = path.read_bytes()
    start = footer_start(content)
    footer, enormous = content[start:-8], b"\xfe" + b"\xff" * 8 + b"\x01"

    def claims() -> Iterator[bytes]:
        # Each 64-bit number in the compact protocol: its type, as a field or behind one, and seven bits a byte.
        for found in re.finditer(rb"\x16([\x80-\xff]*[\x00-\x7f])", footer):
            changed = footer[: found.start(1)] + enormous + footer[found.end(1) :]
            yield content[:start] + changed + len(changed).to_bytes(4, "little") + b"PAR1"

    found = read_variants(path, claims())
    assert len(found) > 5
    assert {result["code"] for result in found} == {0, 65}
    assert {result["rows"] for result in found if result["code"] == 0} == {100}
    assert max(result["peak_bytes"] for result in found) < 500 * 2**20


def test_checksums(path: Path) -> None:
    """If the writer left checksums, no byte of a value changes unnoticed."""
    texts = [f"film {row}" for row in range(2000)]
    pq.write_table(pa.table({"text": texts}), path, compression="none", write_page_checksum=True)
    content, generator = path.read_bytes(), random.Random(27)
    refused = 0
    for _ in range(50):
        damaged = bytearray(content)
        damaged[generator.randrange(4, footer_start(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        try:
            assert read_texts(path) == texts  # the damage is in what describes a page, not in its values
        except BadDataError:
            refused += 1
    assert refused > 40


def test_only_needed_columns_are_read(path: Path) -> None:
    """A column neither kept nor scored is not even decompressed."""
    notes = [f"note {row}" for row in range(5000)]
    pq.write_table(pa.table({"notes": notes, "text": ["good"] * 5000, "id": range(5000)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    middle = pq.read_metadata(path).row_group(0).column(0).total_compressed_size // 2
    content[middle : middle + 100] = bytes(100)
    path.write_bytes(content)
    assert read_rows(path, SourceOptions(columns=("id",))) == [{"id": row} for row in range(5000)]
    with pytest.raises(BadDataError, match=str(path)):
        read_chunks(path)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_long_texts(path: Path, kind: pa.DataType) -> None:
    """A text above the bound is rejected, UTF-8 or not; of a very long one only the beginning is kept."""
    texts = [b"12345", "äöü".encode(), None, b"x" * 100_000, b"\xff" * 6, b"\xff", b""]
    pq.write_table(pa.table({"text": strings(texts, kind), "row": list(range(len(texts)))}), path)
    options = SourceOptions(dialect=Dialect(max_field_bytes=5))
    assert [row["row"] for row in read_rows(path, options)] == [0, 2, 6]
    too_long = "'text' has more than 5 bytes (--max-field-bytes): "
    assert [(bad.row, bad.raw, bad.reason) for bad in read_rejects(path, options)] == [
        (1, texts[1], f"{too_long}6, of which the first 6 are kept"),
        (3, b"x" * 2**16, f"{too_long}100000, of which the first 65536 are kept"),
        (4, texts[4], f"{too_long}6, of which the first 6 are kept"),
        (5, texts[5], "'text' is not UTF-8 text"),
    ]


def test_long_text_within_the_bound(path: Path) -> None:
    """Of a row that is none for another reason all is kept, so that it can be mended."""
    text = b"x" * 100_000 + b"\xff"
    pq.write_table(pa.table({"text": strings([text])}), path)
    assert [(bad.raw, bad.shortened) for bad in read_rejects(path)] == [(text, None)]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_mended_rows(path: Path, kind: pa.DataType) -> None:
    """A mended text is of its row, wherever that stands, in whatever order, and of the type of its column."""
    values = [b"\xff" if row in (0, 150, 320) else b"%d" % row for row in range(400)]
    table = pa.table({"text": strings(values, kind), "row": list(range(400))})
    pq.write_table(table, path, row_group_size=300)
    rejects = read_rejects(path)
    assert [(bad.row_group, bad.row) for bad in rejects] == [(0, 0), (0, 150), (1, 20)]
    source = open_source(Location.parse(str(path)), SourceOptions())
    mended = [replace(bad, raw=raw) for bad, raw in zip(rejects, [b"\xfe", b"second", b"third"], strict=True)]
    [chunk] = source.retry(mended)
    [again] = source.retry([mended[1], *mended])
    source.close()
    assert again.records.column("row").to_pylist() == [150, 150, 320]
    assert chunk.texts == ["second", "third"]
    assert chunk.records.schema == table.schema
    assert chunk.records.to_pylist() == [{"text": "second", "row": 150}, {"text": "third", "row": 320}]
    assert list(chunk.rejects) == mended[:1]


@pytest.mark.parametrize(("ordered", "kept"), [(False, 2000), (True, 9000)])
def test_values_of_a_large_dictionary(path: Path, ordered: bool, kept: int) -> None:
    """A chunk holds those that its rows have, and not all of the row group's, unless they are in an order."""
    names = pa.array([f"shop {number}" for number in range(9000)])
    shops = [number % 2000 if number % 5 else None for number in range(9000)]
    column = pa.DictionaryArray.from_arrays(pa.array(shops, pa.int32()), names, ordered=ordered)
    table = pa.table({"text": ["a"] * 9000, "shop": column})
    pq.write_table(table, path)
    chunks = [chunk.records for chunk in read_chunks(path)]
    assert pa.Table.from_batches(chunks).cast(table.schema).to_pylist() == table.to_pylist()
    assert max(len(chunk.column("shop").dictionary) for chunk in chunks) <= kept


def test_damaged_pages(path: Path) -> None:
    """Damage to pages with an intact footer is bad data, found when the rows are read."""
    pq.write_table(pa.table({"text": [f"film {row}" for row in range(5000)]}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=str(path)):
        read_chunks(path)


def test_rows_that_are_not_there(path: Path) -> None:
    """A footer that states more rows than the pages hold means damage, not a shorter file."""
    pq.write_table(pa.table({"text": ["a"] * 100}), path, store_schema=False)
    content = path.read_bytes()
    # Of all row counts in the footer, that of the whole file comes first.
    place = content.index(b"\x16\xc8\x01", footer_start(content))
    path.write_bytes(content[:place] + b"\x16\xca\x01" + content[place + 3 :])
    with pytest.raises(BadDataError, match=f"{path}: damaged: 100 rows, where its footer tells 101"):
        read_chunks(path)
