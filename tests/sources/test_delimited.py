"""CSV and TSV."""

import csv
from pathlib import Path

import pytest
from support import read_chunks, read_rejects, read_rows, read_texts

from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.sources import Dialect, SourceOptions, open_source
from sentiment_batch.sources.chunk import CHUNK_BYTES, CHUNK_ROWS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.csv"


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"text\ngood\nbad\n", ["good", "bad"]),
        (b"text\ngood\nbad", ["good", "bad"]),
        (b"text\r\ngood\r\nbad\r\n", ["good", "bad"]),
        (b"text\rgood\rbad\r", ["good", "bad"]),
        (b'text\n"one\ntwo"\n"three\r\nfour"\n"five\rsix"\n', ["one\ntwo", "three\r\nfour", "five\rsix"]),
        (b'text\n"say ""so"""\n5" tall\n', ['say "so"', '5" tall']),
        (b'text\n"a,b"\n', ["a,b"]),
        (b"text\n good \n", [" good "]),
        (b"text\na\x00b\n", ["a\x00b"]),
        ("text\nein\u2028Satz\x85\x0b\x0cnoch\n".encode(), ["ein\u2028Satz\x85\x0b\x0cnoch"]),
        (b"\xef\xbb\xbftext\ngood\n", ["good"]),
        (b'\xef\xbb\xbf"text"\n\xef\xbb\xbfgood\n', ["\ufeffgood"]),
        (b"text\n", []),
        (b"text", []),
    ],
)
def test_texts(path: Path, content: bytes, texts: list[str]) -> None:
    """Fields are read as in RFC 4180, with any line ending; a byte order mark is not part of the first name."""
    path.write_bytes(content)
    assert read_texts(path) == texts


@pytest.mark.parametrize("value", ["NA", "null", "NaN", "None", "007", "1.50", "1e5", "true", "", " ", "2024-01-01"])
def test_fields_stay_text(path: Path, value: str) -> None:
    """No field is read as null, a number or a date."""
    path.write_text(f"id,text\n{value},{value}\n", "utf-8")
    assert read_rows(path) == [{"id": value, "text": value}]
    assert read_texts(path) == [value]


def test_tabs(tmp_path: Path) -> None:
    """TSV has tabs between fields; commas are text, and quotes work as in CSV."""
    (tmp_path / "a.tsv").write_bytes(b'id\ttext\n1\tso, so\n2\t"tab\there"\n')
    assert read_rows(tmp_path / "a.tsv") == [{"id": "1", "text": "so, so"}, {"id": "2", "text": "tab\there"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n1,2\n", "the file has no header line"),
        (b'"text\ngood\n', "line 1: unexpected end of data"),
        (b"te\xffxt\ngood\n", "the header is not utf-8 text: convert it, or `score --encoding`"),
        ("text\ngut\n".encode("utf-16"), "the header is not utf-8 text: convert it, or `score --encoding`"),
    ],
)
def test_no_header(path: Path, content: bytes, message: str) -> None:
    """A file without a readable header is refused."""
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=f"{path}: {message}"):
        read_chunks(path)


def test_empty_line_among_several_columns(path: Path) -> None:
    """In a file of several columns, an empty line is not a record."""
    path.write_bytes(b"id,text\n\n1,a\n\n\n2,b\n\n")
    assert read_texts(path) == ["a", "b"]
    assert read_rejects(path) == []


def test_empty_line_in_a_single_column(path: Path) -> None:
    """In a file of one column, an empty line is a record with an empty field, and no row shifts."""
    path.write_bytes(b'text\na\n\n""\nb\n')
    assert read_texts(path) == ["a", "", "", "b"]


def test_repeated_name(path: Path) -> None:
    """Two columns of the same name are an error, since one would be lost."""
    path.write_bytes(b"id,text,id\n1,a,2\n")
    with pytest.raises(UsageError, match="several columns are named 'id'"):
        read_chunks(path)


@pytest.mark.parametrize(
    ("header", "wanted", "found"),
    [
        ("id,text,review", None, "text"),
        ("id,Phrase", None, "Phrase"),
        ("id,verdict", "verdict", "verdict"),
        ("text,review", "review", "review"),
    ],
)
def test_text_column(path: Path, header: str, wanted: str | None, found: str) -> None:
    """The text column is the one asked for, else `text`, else the only known name present."""
    path.write_text(f"{header}\n{header}\n", "utf-8")
    assert read_texts(path, SourceOptions(text_column=wanted)) == [found]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("missing", "no column 'missing'; the columns are: id, review, comment"),
        (None, "'review' and 'comment' could be meant: .* --text-column; the columns are: id, review, comment"),
    ],
)
def test_no_text_column(path: Path, wanted: str | None, message: str) -> None:
    """Without an unambiguous text column, the error lists the columns."""
    path.write_bytes(b"id,review,comment\n1,a,b\n")
    with pytest.raises(UsageError, match=message):
        read_chunks(path, SourceOptions(text_column=wanted))


def test_kept_columns(path: Path) -> None:
    """Only the columns asked for are kept, in the order of the file; the text column need not be among them."""
    path.write_bytes(b"a,text,b,c\n1,good,2,3\n")
    assert read_rows(path, SourceOptions(columns=("c", "a"))) == [{"a": "1", "c": "3"}]
    assert read_texts(path, SourceOptions(columns=("c", "a"))) == ["good"]
    with pytest.raises(UsageError, match="no column 'd' to keep; the columns are: a, text, b, c"):
        read_chunks(path, SourceOptions(columns=("d",)))


def test_chunks_are_bounded(path: Path) -> None:
    """A long file is split into chunks bounded in rows and in characters."""
    rows = [f"{number},film" for number in range(CHUNK_ROWS + 1)]
    large = [f"{number},{'x' * (CHUNK_BYTES // 2)}" for number in range(3)]
    path.write_text("\n".join(["id,text", *rows, *large]), "utf-8")
    chunks = read_chunks(path)
    assert [len(chunk) for chunk in chunks] == [CHUNK_ROWS, 2, 1, 1]
    assert [row["id"] for chunk in chunks for row in chunk.records.to_pylist()][:-3] == [
        str(number) for number in range(CHUNK_ROWS + 1)
    ]


def test_bound_of_others(path: Path) -> None:
    """The csv module's field limit, which is process-wide, is left as it was, even in the middle of a file."""
    path.write_bytes(b"text\n" + b"good\n" * (CHUNK_ROWS + 1) + b"x" * 1000)
    before = csv.field_size_limit()
    source = open_source(Location.parse(str(path)), SourceOptions(dialect=Dialect(max_field_bytes=999)))
    bounds = [csv.field_size_limit() for _ in source.chunks()]
    source.close()
    assert bounds == [before, before]


def test_large_field(path: Path) -> None:
    """A field far beyond the csv module's usual limit is read."""
    path.write_bytes(b"text\n" + b"x" * 1_000_000 + b"\n")
    assert [len(text or "") for text in read_texts(path)] == [1_000_000]
