"""JSON Lines."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import read_chunks, read_rejects, read_rows, read_texts

from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.sources import Dialect, SourceOptions, open_source
from sentiment_batch.sources.chunk import CHUNK_ROWS

VERBATIM = SourceOptions(verbatim=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.jsonl"


def test_types(path: Path) -> None:
    """Values keep their JSON types, nested ones too."""
    record = {"text": "a", "n": 7, "x": 0.5, "b": True, "l": ["u", "v"], "o": {"k": 1}}
    path.write_text(json.dumps(record), "utf-8")
    assert read_rows(path) == [record]


def test_missing_keys(path: Path) -> None:
    """A key missing from a record reads as null, even if it is the text."""
    path.write_text('{"text": "a"}\n{"n": 1}\n{"text": null, "n": 2}\n', "utf-8")
    assert read_rows(path) == [{"text": "a", "n": None}, {"text": None, "n": 1}, {"text": None, "n": 2}]
    assert read_texts(path) == ["a", None, None]


def test_column_of_nulls(path: Path) -> None:
    """A column without any value is read as text."""
    path.write_text('{"text": "a", "n": null}\n', "utf-8")
    [chunk] = read_chunks(path)
    assert chunk.records.schema.field("n").type == pa.string()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\n\n  \n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines(path: Path, newline: str, mark: str) -> None:
    """Line endings, blank lines and a byte order mark do not matter."""
    path.write_bytes((mark + newline.join(['{"text": "a"}', ' {"text": "b"} ', '{"text": "c"}'])).encode())
    assert read_texts(path) == ["a", "b", "c"]


def test_verbatim(path: Path) -> None:
    """Objects are passed on exactly as written, except for white space around them."""
    lines = ['{"text":"\\u00e4",  "n": 1.50, "big": 12345678901234567890123}', '{ "n":1e5,"text" : "ä\\ud83d"}']
    path.write_text("\n  ".join(lines) + "\n", "utf-8")
    [chunk] = read_chunks(path, VERBATIM)
    assert chunk.lines == lines
    assert chunk.texts == ["ä", "ä\ud83d"]
    assert chunk.records.schema.names == []


@pytest.mark.parametrize("options", [SourceOptions(), VERBATIM])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "b", "x": NaN}', "not a JSON object: NaN is not JSON"),
        (b'{"text": "b", "x": -Infinity}', "not a JSON object: -Infinity is not JSON"),
        (b'{"text": "b", "text": "c"}', "not a JSON object: a key appears twice"),
        (b'{"text": "b", "o": {"k": 1, "k": 1}}', "not a JSON object: a key appears twice"),
        (b'["b"]', "not a JSON object"),
        (b'"b"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"text": "b"', "not a JSON object: Expecting ',' delimiter (character 13)"),
        (b'{"text": "b"} {}', "not a JSON object: Extra data (character 15)"),
        (b'{"text": "b\tc"}', "not a JSON object: Invalid control character at (character 12)"),
        (b"[" * 100_000, "not a JSON object: nested too deeply"),
        (
            b'{"text": "b", "n": 1' + b"0" * 5000 + b"}",
            "not a JSON object: Exceeds the limit (4300 digits) for integer string conversion",
        ),
        (b'{"text": "\xff"}', "not UTF-8 text: convert the file, for example with iconv"),
        (b'\xef\xbb\xbf{"text": "b"}', "not a JSON object: Expecting value (character 1)"),
        (b'{"text": 7}', "'text' is not text"),
        (b'{"text": ["b"]}', "'text' is not text"),
    ],
)
def test_broken_records(path: Path, line: bytes, reason: str, options: SourceOptions) -> None:
    """A line that is not a JSON object with a text is rejected alone, with its line, offset and bytes."""
    path.write_bytes(b'\n{"text": null}\r\n ' + line + b'\n{"text": "c"}')
    [chunk] = read_chunks(path, options)
    assert chunk.texts == [None, "c"]
    [reject] = chunk.rejects
    assert (reject.source, reject.line, reject.offset, reject.raw) == (str(path), 3, 17, b" " + line + b"\n")
    assert reject.reason == reason


@given(
    items=st.lists(
        st.tuples(
            st.text() | st.sampled_from([b"{", b'{"text": 1}', b"[]", b"\xff", b"{}}", b'{"text": "\x00"}', b"NaN"]),
            st.sampled_from(["\n", "\r\n", "\n \n"]),
        ),
        max_size=8,
    ),
    verbatim=st.booleans(),
    ascii_only=st.booleans(),
)
def test_broken_lines_among_any_text(
    scratch: Path, items: list[tuple[str | bytes, str]], verbatim: bool, ascii_only: bool
) -> None:
    """Every good record comes back exactly; every broken line is a reject with its line, offset and bytes."""
    content = b'{"text": "first"}\n'
    texts, rejects = ["first"], []
    for item, end in items:
        raw = item if isinstance(item, bytes) else json.dumps({"text": item}, ensure_ascii=ascii_only).encode()
        line = raw + end.encode().split(b" ")[0]
        if isinstance(item, bytes):
            rejects.append((content.count(b"\n") + 1, len(content), line))
        else:
            texts.append(item)
        content += raw + end.encode()
    path = scratch / "a.jsonl"
    path.write_bytes(content)
    options = SourceOptions(verbatim=verbatim)
    assert read_texts(path, options) == texts
    assert [(reject.line, reject.offset, reject.raw) for reject in read_rejects(path, options)] == rejects


def test_last_line_cut_in_half(path: Path) -> None:
    """A last line not written to its end is rejected, and not taken for a blank or shorter one."""
    path.write_bytes(b'{"text": "a"}\n{"text": "b"}\n{"text": "c')
    assert read_texts(path) == ["a", "b"]
    assert [(reject.line, reject.raw) for reject in read_rejects(path)] == [(3, b'{"text": "c')]


@pytest.mark.parametrize("length", [100, 1_000_000])
def test_long_line(path: Path, length: int) -> None:
    """A line above the bound is rejected with its length, and only its beginning is kept."""
    raw = b'{"text": "' + b"x" * length + b'"}\n'
    path.write_bytes(b'{"text": "a"}\n' + raw + b'{"text": "b"}\n{')
    options = SourceOptions(dialect=Dialect(max_field_bytes=50))
    assert read_texts(path, options) == ["a", "b"]
    reject, last = read_rejects(path, options)
    assert (reject.line, reject.offset, reject.raw, reject.shortened) == (2, 14, raw[:51], True)
    assert (last.line, last.offset, last.raw, last.shortened) == (4, 14 + len(raw) + 14, b"{", None)
    assert reject.reason == (
        f"longer than 50 bytes (--max-field-bytes); the line has {len(raw)} bytes, of which the first 51 are kept"
    )


def test_mended_records(path: Path) -> None:
    """They keep the places that they had, whether they can be read by now or not."""
    path.write_text('{"text": "a"}\n{"text": 1}\n{\n{"text": "d"', "utf-8")
    rejects = read_rejects(path)
    source = open_source(Location.parse(str(path)), SourceOptions())
    raws = [b'\xef\xbb\xbf{"text": "b"}', b'{"text": 3}', b'{"text": "d"}\r\n']
    [chunk] = source.retry(replace(bad, raw=raw) for bad, raw in zip(rejects, raws, strict=True))
    source.close()
    assert chunk.texts == ["b", "d"]
    left = chunk.without({1: "it crashes"}).rejects
    assert [(bad.line, bad.offset, bad.raw) for bad in left] == [
        (bad.line, bad.offset, raw) for bad, raw in zip(rejects[1:], raws[1:], strict=True)
    ]
    assert [bad.reason for bad in left] == ["'text' is not text", "it crashes"]


def test_reserved_keys(path: Path) -> None:
    """A verbatim object behind the first records that has the key of an added column is rejected, also once mended."""
    path.write_text('{"text": "a"}\n' * CHUNK_ROWS + '{"text": "b", "polarity": 1}\n', "utf-8")
    source = open_source(Location.parse(str(path)), VERBATIM, ["polarity"])
    _, chunk = source.chunks()
    [again] = source.retry(chunk.rejects)
    source.close()
    assert (len(chunk), len(again)) == (0, 0)
    assert [bad.reason for bad in (*chunk.rejects, *again.rejects)] == [
        "it already has a key 'polarity': rename it, or choose another --prefix"
    ] * 2


@pytest.mark.parametrize(("depth", "is_column"), [(10, True), (100, False), (400, False)])
def test_deep_nesting(path: Path, depth: int, is_column: bool) -> None:
    """Deeply nested values are kept or rejected, or refused as a column, and never too much for the interpreter."""
    deep = '{"text": "a", "o": ' + '{"k": ' * depth + "1" + "}" * depth + "}\n"
    path.write_text('{"text": "a"}\n' + deep + '{"text": "b"}', "utf-8")
    for options in (SourceOptions(), VERBATIM) if is_column else (VERBATIM,):
        [chunk] = read_chunks(path, options)
        assert len(chunk) + len(chunk.rejects) == 3
        assert (chunk.texts[0], chunk.texts[-1]) == ("a", "b")
    if not is_column:
        with pytest.raises(UsageError, match=f"column 'o' is nested {depth + 1} levels deep, more than 48"):
            read_chunks(path)


@pytest.mark.parametrize("content", ["\n", " \n\r\n\n"])
def test_no_record(path: Path, content: str) -> None:
    """A file of blank lines is bad data where types are needed, not a wrong option; verbatim, there is nothing."""
    path.write_text(content, "utf-8")
    with pytest.raises(BadDataError, match="the file has no record"):
        read_chunks(path)
    assert read_chunks(path, VERBATIM) == []


def test_no_text_column(path: Path) -> None:
    """Without a known name the error lists all keys."""
    path.write_text('{"a": "x"}\n{"b": "y"}\n', "utf-8")
    with pytest.raises(UsageError, match="the columns are: a, b"):
        read_chunks(path)


@pytest.mark.parametrize("content", ["{1}\n[]\n", "{1}\n" * (CHUNK_ROWS + 1)])
def test_no_good_record(path: Path, content: str) -> None:
    """If no line is a JSON object, there are no columns; the error names the first line. Verbatim, each is rejected."""
    path.write_text(content, "utf-8")
    count = content.count("\n")
    with pytest.raises(
        BadDataError, match=rf"{path}: line 1: not a JSON object.*; no record up to line {count:,} can be read"
    ):
        read_chunks(path)
    assert [reject.line for reject in read_rejects(path, VERBATIM)] == list(range(1, count + 1))


@pytest.mark.parametrize("options", [SourceOptions(), VERBATIM])
@pytest.mark.parametrize("count", [1, CHUNK_ROWS, CHUNK_ROWS + 1])
def test_good_record_behind_bad_ones(path: Path, count: int, options: SourceOptions) -> None:
    """However many records are rejected before the first good one, that one is read."""
    path.write_text("{1}\n" * count + '{"review": "good"}\n', "utf-8")
    assert read_texts(path, options) == ["good"]
    assert len(read_rejects(path, options)) == count


def test_columns_are_not_sought_forever(path: Path) -> None:
    """Where types are needed, a file that is no JSON Lines is refused, not held in memory; verbatim, it is all read."""
    path.write_text("{1}\n" * (8 * CHUNK_ROWS) + '{"review": "good"}\n', "utf-8")
    with pytest.raises(BadDataError, match=r"line 1: .*; no record up to line 65,536 can be read"):
        read_chunks(path)
    assert read_texts(path, VERBATIM) == ["good"]
    path.write_text("{1}\n" * (8 * CHUNK_ROWS) + '{"a": "good"}\n', "utf-8")
    with pytest.raises(UsageError, match=f"^{path}: no known column name"):
        read_texts(path, VERBATIM)


def test_first_good_record_is_a_mended_one(path: Path) -> None:
    """If nothing else can be read, mended records tell the text column."""
    path.write_text("{1}\n", "utf-8")
    source = open_source(Location.parse(str(path)), VERBATIM)
    [chunk] = source.retry([replace(reject, raw=b'{"review": "good"}') for reject in read_rejects(path, VERBATIM)])
    source.close()
    assert chunk.texts == ["good"]


@pytest.mark.parametrize("value", ['"one"', "{}", "[1]", "true", "1.5e300", "1e400", str(2**70), '"\\ud83d"'])
@pytest.mark.parametrize("place", [0, 1, CHUNK_ROWS + 1])
def test_value_of_another_type(path: Path, value: str, place: int) -> None:
    """A value of another type than its column's rejects its record, except where objects are passed on verbatim."""
    lines = [f'{{"text": "{row}", "n": {row}}}' for row in range(CHUNK_ROWS + 2)]
    bad = f'{{"text": "bad", "n": {value}}}'
    lines.insert(place + 1, bad)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    if value == "1.5e300" and place < CHUNK_ROWS:
        assert len(read_texts(path)) == len(lines)  # then all are floats
        return
    assert [row["n"] for row in read_rows(path)] == list(range(CHUNK_ROWS + 2))
    [reject] = read_rejects(path)
    assert (reject.line, reject.raw) == (place + 2, f"{bad}\n".encode())
    assert re.match(
        r"'n' (does not fit the type|holds half a surr|holds an integer of m).*: write JSON Lines .* --columns",
        reject.reason,
    )
    assert len(read_texts(path, VERBATIM)) == len(lines)
    assert len(read_texts(path, SourceOptions(columns=("text",)))) == len(lines)


@pytest.mark.parametrize("value", ["1e400", "[-1e400]", '{"k": 1e400}'])
def test_number_too_large(path: Path, value: str) -> None:
    """A number beyond the range of a double rejects its record, and does not become infinite."""
    path.write_text(f'{{"text": "a", "n": {value.replace("400", "30")}}}\n{{"text": "b", "n": {value}}}\n', "utf-8")
    assert read_texts(path) == ["a"]
    assert [reject.line for reject in read_rejects(path)] == [2]
    assert read_texts(path, VERBATIM) == ["a", "b"]


def test_types_are_those_of_the_first_records(path: Path) -> None:
    """If the first records differ in type, as many of them as agree decide."""
    path.write_text("".join(f'{{"text": "a", "n": {value}}}\n' for value in ["null", 1, 0.5, '"x"', 2, "[]"]), "utf-8")
    assert [row["n"] for row in read_rows(path)] == [None, 1, 0.5, 2]
    assert [reject.line for reject in read_rejects(path)] == [4, 6]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        *(
            ({"text": "b", "n": 1, name: value}, f"{name!r} does not fit the type that it has in the first records")
            for name, value in [("n", "one"), ("n", 1.5), ("x", True), ("l", ""), ("l", "ab"), ("o", [])]
        ),
        ({"text": "b", "n": 1, "new": 1}, "a key that the first records lack"),
        ({"text": "b", "n": 1, "o": {"k": 1, "new": 2}}, "'o' does not fit the type that it has in the first records"),
        (
            {"text": "b", "n": 1, "l": [{"k": 1, "new": 2}]},
            "'l' does not fit the type that it has in the first records",
        ),
        ({"text": "b", "n": 2**63}, "'n' holds an integer of more than 63 bits"),
        ({"text": "b", "l": [{"k": -(2**63) - 1}]}, "'l' holds an integer of more than 63 bits"),
        ({"text": 1, "n": 1}, "'text' is not text"),
    ],
)
def test_change_after_the_first_chunk(path: Path, record: dict[str, object], reason: str) -> None:
    """Where columns or types change behind the first chunk, the records that do not fit are rejected, in order."""
    first = json.dumps({"text": "a", "n": 1, "x": 0.5, "o": {"k": 1}, "l": [{"k": 1}]}) + "\n"
    path.write_text(first * CHUNK_ROWS + "{\n" + json.dumps(record) + "\n{\n" + first, "utf-8")
    chunks = read_chunks(path)
    assert [len(chunk) for chunk in chunks] == [CHUNK_ROWS, 1]
    assert [reject.line for reject in chunks[1].rejects] == [CHUNK_ROWS + 1, CHUNK_ROWS + 2, CHUNK_ROWS + 3]
    assert chunks[1].rejects[1].reason.startswith(reason)
    if "text" not in reason:  # then what else there is does not matter
        assert len(read_texts(path, SourceOptions(columns=("text",)))) == CHUNK_ROWS + 2


def test_lone_surrogate(path: Path) -> None:
    """Half a surrogate pair cannot be kept outside JSON, neither in a value nor in a key."""
    path.write_text('{"text": "a\\ud83d"}\n{"text": "b"}\n{"text": "c", "\\ud83d": 1}\n', "utf-8")
    assert read_texts(path) == ["b"]
    reasons = [reject.reason for reject in read_rejects(path)]
    assert reasons[0].startswith("'text' holds half a surrogate pair: ")
    assert reasons[1].startswith("a key that the first records lack: ")


def test_fraction_read(path: Path) -> None:
    """The fraction of the file that has been read grows to 1."""
    path.write_text('{"text": "a"}\n' * (CHUNK_ROWS * 3), "utf-8")
    source = open_source(Location.parse(str(path)), SourceOptions())
    fractions = [source.fraction_read() or 0 for _ in source.chunks()]
    source.close()
    assert 0 < fractions[0] < 1
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
