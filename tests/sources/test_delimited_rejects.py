"""Delimited records that cannot be read, and their neighbours."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import compressed, read_chunks, read_rejects, read_rows, require_covered

from sentiment_batch.locations import Location
from sentiment_batch.sources import Dialect, SourceOptions, open_source

HEADER = b"id,text\n"
ENDS = ["\n", "\r\n", "\r"]
FIELDS = st.text(st.sampled_from("a,\t\"'\r\n\x00\x0b\\;ä👍\u2028\x85\ufeff "), max_size=8) | st.text(max_size=20)
GOOD = st.tuples(FIELDS, FIELDS)
BROKEN = st.sampled_from(
    [
        b"1",
        b"1,2,3",
        b",,",
        b'"1,2",3,4',
        b"1,\xff",
        b"\xc3,\x28",
        b'1,"a"b',
        b'"1"x,2',
        b'1,"a""b"c',
        b"\x00",
        b'1,"a" ',
    ]
)


def written(row: tuple[str, str], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(row)
    return (text.getvalue().removesuffix("\r\n") + end).encode("utf-8")


def position(content: bytes) -> tuple[int, int]:
    """Return the line number and offset of what follows `content`."""
    return len(content.splitlines()) + 1, len(content)


@given(
    items=st.lists(st.tuples(GOOD | BROKEN, st.sampled_from(ENDS)), max_size=8),
    compression=st.sampled_from(["", "gz", "zst"]),
)
def test_broken_lines_among_any_text(
    scratch: Path, items: list[tuple[tuple[str, str] | bytes, str]], compression: str
) -> None:
    """Every good record comes back exactly; every broken line is a reject with its line, offset and bytes."""
    content = HEADER
    rows, rejects = [], []
    for item, end in items:
        raw = item + end.encode() if isinstance(item, bytes) else written(item, end)
        if isinstance(item, bytes):
            rejects.append((*position(content), raw))
        else:
            rows.append({"id": item[0], "text": item[1]})
        content += raw
    path = scratch / f"a.csv{'.' if compression else ''}{compression}"
    path.write_bytes(compressed(content, compression))
    assert read_rows(path) == rows
    assert [(reject.line, reject.offset, reject.raw) for reject in read_rejects(path)] == rejects
    assert {reject.source for reject in read_rejects(path)} <= {str(path)}


@given(
    pieces=st.lists(
        st.sampled_from([b"a", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b"\xff", b"\x00", b"1,b\n", b'"a","b"\n'])
    ),
    bound=st.sampled_from([2, 5, 1000]),
)
@example(pieces=[b"1,b\n", b'a",",b\n'] * 3, bound=1000)
def test_any_bytes(scratch: Path, pieces: list[bytes], bound: int) -> None:
    """Whatever the bytes, each of them belongs to exactly one record."""
    path = scratch / "a.csv"
    path.write_bytes(b"i,text\n" + b"".join(pieces))
    require_covered(path, SourceOptions("i", dialect=Dialect(max_field_bytes=max(bound, 4))))


def test_records_of_several_lines(tmp_path: Path) -> None:
    """A record is rejected as a whole if its end is known; lines are counted as in the file."""
    content = b'\xef\xbb\xbfid,text\r\n1,"a\r\nb"\r\n2,"c\r\nd",e\r\n3,"\xff\r\n"\r\n4,f\r\n'
    (tmp_path / "a.csv").write_bytes(content)
    rejects = read_rejects(tmp_path / "a.csv")
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (4, "3 fields where the header has 2"),
        (6, "not utf-8 text: convert it, or `score --encoding`"),
    ]
    assert [reject.raw for reject in rejects] == [b'2,"c\r\nd",e\r\n', b'3,"\xff\r\n"\r\n']
    assert all(content[reject.offset :].startswith(reject.raw) for reject in rejects)
    assert [row["id"] for row in read_rows(tmp_path / "a.csv")] == ["1", "4"]


@pytest.mark.parametrize(
    ("lines", "rejected"),
    [
        (['1,"lone', "2,good", '3,"good"', '4,"so ""so"""'], [1]),
        (['1,"lone', "2,good", "3,good"], [1]),
        (['1,"a"b', 'tail of the field",x', 'more" of it,x', '4,"good"'], [1, 2, 3]),
        (['1,"a"b', '",x', "3,good", '4,"good"'], [1, 2]),
        (['1,"a"b', '",x', "3,good", '4,",",x', '5,"good"'], [1, 2, 4]),
        (['1,"a"b', "2,good", '3,5" tall'], [1]),
        (['1,5" tall', '2,"a"b', '3,5" tall', "4,good", '5,5" tall'], [2, 3]),
        (['1,"open', '2,"open', '3,"open'], [1, 2, 3]),
        (["1,good", 'a",",b', "3,good", 'a",",b', "5,good"], [2, 4]),
    ],
)
def test_quote_faults(tmp_path: Path, lines: list[str], rejected: list[int]) -> None:
    """A quote fault costs its first line; until a record is read well, no quote inside a field counts as text."""
    (tmp_path / "a.csv").write_text("\n".join(["id,text", *lines]), "utf-8")
    assert [(reject.line or 0) - 1 for reject in read_rejects(tmp_path / "a.csv")] == rejected
    good = [line for number, line in enumerate(lines, start=1) if number not in rejected]
    assert read_rows(tmp_path / "a.csv") == [dict(zip(["id", "text"], row, strict=True)) for row in csv.reader(good)]


def test_mended_records(tmp_path: Path) -> None:
    """They are read behind the header, of however many lines, and keep the places that they had."""
    (tmp_path / "a.csv").write_bytes(b'"id\nnumber",text\n1,good\n2\n3,"a\n')
    options = SourceOptions()
    first, second = read_rejects(tmp_path / "a.csv", options)
    source = open_source(Location.parse(str(tmp_path / "a.csv")), options)
    [chunk] = source.retry([replace(first, raw=b'2,"a\nb"'), second])
    source.close()
    assert chunk.records.to_pylist() == [{"id\nnumber": "2", "text": "a\nb"}]
    assert chunk.without({0: "it crashes"}).rejects == (replace(first, raw=b'2,"a\nb"', reason="it crashes"), second)


def test_many_open_quotes(tmp_path: Path) -> None:
    """A file is read in a single pass, even if each of its quotes stays open to the end."""
    count = 50_000
    (tmp_path / "a.csv").write_bytes(HEADER + b'1,good\na",",b\n' * count)
    chunks = read_chunks(tmp_path / "a.csv")
    assert sum(map(len, chunks)) == count
    assert [reject.line for chunk in chunks for reject in chunk.rejects] == list(range(3, 2 * count + 2, 2))


@pytest.mark.parametrize("start", [b"1,", b'1,"'])
@pytest.mark.parametrize("length", [150, 500, 500_000])
def test_long_fields(tmp_path: Path, start: bytes, length: int) -> None:
    """A field above the bound costs its line, quoted or not; of a very long line only the beginning is kept."""
    raw = start + b"x" * length + b"\n"
    (tmp_path / "a.csv").write_bytes(HEADER + b"0,good\n" + raw + b'2,"good"\n')
    options = SourceOptions(dialect=Dialect(max_field_bytes=100))
    assert [row["id"] for row in read_rows(tmp_path / "a.csv", options)] == ["0", "2"]
    [reject] = read_rejects(tmp_path / "a.csv", options)
    assert (reject.line, reject.offset) == (3, 15)
    assert re.match(r"a (field|record) of more than (100|400) bytes \(--max-field-bytes\)", reject.reason)
    if length < 400:
        assert reject.raw == raw
    else:
        assert raw.startswith(reject.raw)
        assert reject.reason.endswith(f"the line has {len(raw)} bytes, of which the first {len(reject.raw)} are kept")


@pytest.mark.parametrize("raw", [b"1111,2222,3333,4444,5\n", b'1111,"2\n2",3333,4444\n', b'1111,2222,"33\n",3333\n'])
def test_long_records(tmp_path: Path, raw: bytes) -> None:
    """A record of many fields is bounded too, at four times the bytes of a field, whatever its lines would be."""
    (tmp_path / "a.csv").write_bytes(b"text,b,c,d\n" + raw + b"good,2,3,4\n")
    rejects = read_rejects(tmp_path / "a.csv", SourceOptions(dialect=Dialect(max_field_bytes=4)))
    assert (rejects[0].line, rejects[0].offset) == (2, 11)
    assert rejects[0].reason.startswith("a record of more than 16 bytes (--max-field-bytes)")
    assert [
        row["text"] for row in read_rows(tmp_path / "a.csv", SourceOptions(dialect=Dialect(max_field_bytes=4)))
    ] == ["good"]


def test_field_of_many_lines(tmp_path: Path) -> None:
    """A quoted field of many lines is given up at the bound, and what follows is read."""
    lines = [b'1,"open\n', *[b"%d,x\n" % number for number in range(2, 100)], b'100,"good"\n']
    (tmp_path / "a.csv").write_bytes(HEADER + b"".join(lines))
    options = SourceOptions(dialect=Dialect(max_field_bytes=50))
    assert [reject.raw for reject in read_rejects(tmp_path / "a.csv", options)] == [lines[0]]
    assert [row["id"] for row in read_rows(tmp_path / "a.csv", options)] == [str(number) for number in range(2, 101)]


def test_reasons_tell_nothing_of_the_text(tmp_path: Path) -> None:
    """The reason for a reject contains no word of the record."""
    (tmp_path / "a.csv").write_bytes(HEADER + b'1,"secret"secret\nsecret,5"secret\nsecret\n1,secret\xff\n"secret')
    rejects = read_rejects(tmp_path / "a.csv")
    assert len(rejects) == 5
    assert all("secret" in repr(reject.raw) and "secret" not in reject.reason for reject in rejects)
