"""JSON Lines."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from support import read_chunks, read_rows, read_texts

from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, open_source
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
    """A key that a record lacks reads as null; so does a text that is missing."""
    path.write_text('{"text": "a"}\n{"n": 1}\n{"text": null, "n": 2}\n', "utf-8")
    assert read_rows(path) == [{"text": "a", "n": None}, {"text": None, "n": 1}, {"text": None, "n": 2}]
    assert read_texts(path) == ["a", None, None]


def test_column_of_nulls(path: Path) -> None:
    """A column without any value is text, as far as can be told."""
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
    """Objects are handed on exactly as they were written, but for white space around them."""
    lines = ['{"text":"\\u00e4",  "n": 1.50, "big": 12345678901234567890123}', '{ "n":1e5,"text" : "ä\\ud83d"}']
    path.write_text("\n  ".join(lines) + "\n", "utf-8")
    [chunk] = read_chunks(path, VERBATIM)
    assert chunk.lines == lines
    assert chunk.texts == ["ä", "ä\ud83d"]
    assert set(chunk.names) == {"text", "n", "big"}
    assert chunk.records.schema.names == []


@pytest.mark.parametrize("options", [SourceOptions(), VERBATIM])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "b", "x": NaN}', "NaN is not JSON"),
        ('{"text": "b", "x": -Infinity}', "-Infinity is not JSON"),
        ('{"text": "b", "text": "c"}', "a key stands twice"),
        ('{"text": "b", "o": {"k": 1, "k": 1}}', "a key stands twice"),
        ('["b"]', "not a JSON object"),
        ('"b"', "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"text": "b"', "not a JSON object"),
        ('{"text": "b"} {}', "not a JSON object: Extra data"),
        ('{"text": "b\tc"}', "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"text": 7}', "'text' is not text"),
        ('{"text": ["b"]}', "'text' is not text"),
    ],
)
def test_broken_records(path: Path, line: str, message: str, options: SourceOptions) -> None:
    """What is no JSON object with a text is an error with its line."""
    path.write_text(f'\n{{"text": null}}\n{line}\n', "utf-8")
    with pytest.raises(BadDataError, match=f"{path}: (line 3: .*{message}|'text' holds values of several types)"):
        read_chunks(path, options)


def test_not_utf8(path: Path) -> None:
    """A line in another encoding is an error with its number."""
    path.write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n')
    with pytest.raises(BadDataError, match=r"line 2: .*utf-8"):
        read_chunks(path)


@pytest.mark.parametrize("content", ["\n", " \n\r\n\n"])
def test_no_record(path: Path, content: str) -> None:
    """A file of blank lines is bad data, not a wrong option."""
    path.write_text(content, "utf-8")
    with pytest.raises(BadDataError):
        read_chunks(path)


def test_no_text_column(path: Path) -> None:
    """Without a known name the error lists all keys."""
    path.write_text('{"a": "x"}\n{"b": "y"}\n', "utf-8")
    with pytest.raises(UsageError, match="the columns are: a, b"):
        read_chunks(path)


@pytest.mark.parametrize("value", ['"one"', "{}", "[1]", "true"])
def test_mixed_types(path: Path, value: str) -> None:
    """A column of several types is an error with the two ways out, and none where objects stay as they are."""
    path.write_text(f'{{"text": "a", "n": 1}}\n{{"text": "b", "n": {value}}}\n', "utf-8")
    with pytest.raises(BadDataError, match=r"'n' holds values of several types: write JSON Lines .* --columns"):
        read_chunks(path)
    assert read_texts(path, VERBATIM) == ["a", "b"]
    assert read_texts(path, SourceOptions(columns=("text",))) == ["a", "b"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "b", "n": "one"}, "'n' was int64 up to line 8193, then is not"),
        ({"text": "b", "n": 1, "new": 1}, "'new' first appears after line 8193"),
        ({"text": "b", "n": 1, "o": {"k": 1, "new": 2}}, "'o'"),
    ],
)
def test_change_after_the_first_chunk(path: Path, record: dict[str, object], message: str) -> None:
    """Where columns or types change behind the first chunk, nothing is dropped in silence."""
    first = json.dumps({"text": "a", "n": 1, "o": {"k": 1}}) + "\n"
    path.write_text(first * CHUNK_ROWS + json.dumps(record), "utf-8")
    with pytest.raises(BadDataError, match=message):
        read_chunks(path)
    assert [len(chunk) for chunk in read_chunks(path, VERBATIM)] == [CHUNK_ROWS, 1]


def test_lone_surrogate(path: Path) -> None:
    """Half a surrogate pair cannot be kept outside of JSON; the error says so rather than blame the types."""
    path.write_text('{"text": "a\\ud83d"}', "utf-8")
    with pytest.raises(BadDataError, match=r"'text' .*half a surrogate pair"):
        read_chunks(path)


def test_fraction_read(path: Path) -> None:
    """How much of the file has been read grows to all of it."""
    path.write_text('{"text": "a"}\n' * (CHUNK_ROWS * 3), "utf-8")
    source = open_source(Location.parse(str(path)), SourceOptions())
    fractions = [source.fraction_read() or 0 for _ in source.chunks()]
    source.close()
    assert 0 < fractions[0] < 1
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
