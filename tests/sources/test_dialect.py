"""Delimiters, quotes, encodings and bounds of delimited fields."""

from pathlib import Path
from typing import Any

import pytest
from support import read_rejects, read_rows, read_texts

from sentiment_batch.errors import UsageError
from sentiment_batch.locations import Location
from sentiment_batch.sources import Dialect, SourceOptions, open_source


def with_dialect(**options: Any) -> SourceOptions:
    return SourceOptions(dialect=Dialect(**options))


@pytest.mark.parametrize(
    ("content", "dialect", "row"),
    [
        (b"id;text\n1;a,b\n", {"delimiter": ";"}, {"id": "1", "text": "a,b"}),
        (b"id\ttext\n1\ta,b\n", {"delimiter": "\t"}, {"id": "1", "text": "a,b"}),
        (b"id,text\n'1,2','it''s'\n", {"quote": "'"}, {"id": "1,2", "text": "it's"}),
        (b'id,text\n"1,"b\n', {"quote": None}, {"id": '"1', "text": '"b'}),
        (
            "id§text\n1§schön\n".encode("latin-1"),
            {"delimiter": "§", "encoding": "latin-1"},
            {"id": "1", "text": "schön"},
        ),
        ("id,text\n1,“€”\n".encode("cp1252"), {"encoding": "cp1252"}, {"id": "1", "text": "“€”"}),
        ("id,text\n1,表ソ\n".encode("shift_jis"), {"encoding": "shift_jis"}, {"id": "1", "text": "表ソ"}),
        (b"\xef\xbb\xbfid,text\n\xef\xbb\xbf1,a\n", {"encoding": "utf-8-sig"}, {"id": "\ufeff1", "text": "a"}),
        (b"\xef\xbb\xbfid,text\n1,a\n", {"encoding": "latin-1"}, {"ï»¿id": "1", "text": "a"}),
    ],
)
def test_dialects(tmp_path: Path, content: bytes, dialect: dict[str, Any], row: dict[str, str]) -> None:
    """Delimiter, quote and encoding are the ones asked for; only UTF-8 has a byte order mark."""
    (tmp_path / "a.csv").write_bytes(content)
    assert read_rows(tmp_path / "a.csv", with_dialect(**dialect)) == [row]


def test_bytes_without_a_character(tmp_path: Path) -> None:
    """In any encoding, only a record with bytes that have no meaning in it is rejected."""
    content = b"id,text\n1,a\n2,\x81\n3,b\n"
    (tmp_path / "a.csv").write_bytes(content)
    options = with_dialect(encoding="cp1252")
    assert read_texts(tmp_path / "a.csv", options) == ["a", "b"]
    [reject] = read_rejects(tmp_path / "a.csv", options)
    assert (reject.line, reject.offset, reject.raw) == (3, 12, b"2,\x81\n")
    assert reject.reason == "not cp1252 text: convert it, or `score --encoding`"


@pytest.mark.parametrize(
    "encoding",
    ["utf-16", "utf-32", "utf-7", "cp037", "unicode_escape", "raw_unicode_escape", "idna", "hex", "nonsense"],
)
def test_encodings_that_do_not_extend_ascii(encoding: str) -> None:
    """An encoding in which lines do not end where their bytes say is refused, with a way out."""
    with pytest.raises(UsageError, match=f"--encoding {encoding}: .* iconv"):
        Dialect(encoding=encoding)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ""}, "--delimiter is one character"),
        ({"delimiter": "||"}, "--delimiter is one character"),
        ({"delimiter": "\n"}, "--delimiter is one character"),
        ({"quote": "''"}, "--quote is one character"),
        ({"quote": "\r"}, "--quote is one character"),
        ({"delimiter": "|", "quote": "|"}, "--delimiter and --quote are both '|'"),
        ({"max_field_bytes": 0}, "--max-field-bytes is a number from 1 to 104857600"),
        ({"max_field_bytes": 104857601}, "--max-field-bytes is a number from 1 to 104857600"),
    ],
)
def test_unusable(options: dict[str, Any], message: str) -> None:
    """A dialect that is ambiguous or out of range is refused before anything is read."""
    with pytest.raises(UsageError, match=message):
        Dialect(**options)


def test_bound_is_of_bytes(tmp_path: Path) -> None:
    """The bound counts bytes: a field of exactly the bound is read, a longer one is rejected, and reading goes on."""
    content = 'id,text\n1,ääääx\n2,äääää\n3,xxxxxxxxxxx\n4,good\n5" x,5" tall\n'.encode()
    (tmp_path / "a.csv").write_bytes(content)
    options = with_dialect(max_field_bytes=9)
    assert read_texts(tmp_path / "a.csv", options) == ["ääääx", "good", '5" tall']
    rejects = read_rejects(tmp_path / "a.csv", options)
    assert [reject.raw for reject in rejects] == ["2,äääää\n".encode(), b"3,xxxxxxxxxxx\n"]
    assert [reject.line for reject in rejects] == [3, 4]
    assert all("field" in reject.reason for reject in rejects)


def test_bounds_of_several_inputs(tmp_path: Path) -> None:
    """Each input keeps its own bound, even if another has been opened since."""
    (tmp_path / "a.csv").write_bytes(b"text\n" + b"x" * 10 + b"\n")
    location = Location.parse(str(tmp_path / "a.csv"))
    loose, tight = (open_source(location, with_dialect(max_field_bytes=bound)) for bound in (10, 9))
    assert [len(chunk.rejects) for chunk in loose.chunks()] == [0]
    assert [len(chunk.rejects) for chunk in tight.chunks()] == [1]
    tight.close()
    loose.close()
