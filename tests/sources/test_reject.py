"""Records that cannot be read."""

import json
from pathlib import Path

import pytest
from support import read_chunks

from sentiment_batch.errors import BadDataError
from sentiment_batch.locations import Location
from sentiment_batch.sources import Reject, SourceOptions, open_source, read_table, without_rejects
from sentiment_batch.sources.chunk import CHUNK_BYTES, CHUNK_ROWS


def test_record_of_a_line() -> None:
    """The record of a rejected line holds what is known, with the bytes as text."""
    reject = Reject(source="a.csv", line=3, offset=17, reason="odd", raw='1,"ä\n'.encode())
    assert reject.record() == {"source": "a.csv", "line": 3, "offset": 17, "reason": "odd", "raw": '1,"ä\n'}
    assert str(reject) == "a.csv: line 3: odd"


def test_record_of_a_row() -> None:
    """Bytes that are not UTF-8 are kept as base64; zeros are kept too."""
    reject = Reject(source="a.parquet", row_group=0, row=0, reason="odd", raw=b"\xff\x00")
    assert reject.record() == {"source": "a.parquet", "row_group": 0, "row": 0, "reason": "odd", "raw_base64": "/wA="}
    assert json.loads(json.dumps(reject.record())) == reject.record()
    assert str(reject) == "a.parquet: row group 0, row 0: odd"


def test_bytes_that_text_does_not_bring_back() -> None:
    """Where an encoding has two spellings of a character, the bytes are kept as they were."""
    reject = Reject(source="a.csv", line=3, offset=17, reason="odd", encoding="cp932", raw=b"\x87\x90,\x81\xe0\n")
    assert reject.record()["raw_base64"] == "h5AsgeAK"
    assert Reject.of(reject.record()) == reject


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"raw": None}, r"raw \(or raw_base64\) must be text"),
        ({"raw": 7}, r"raw \(or raw_base64\) must be text"),
        ({"raw": None, "raw_base64": "/wA"}, "padding"),
        ({"raw": None, "raw_base64": "/w A="}, "base64"),
        ({"encoding": "nonsense"}, "in a known encoding"),
        ({"encoding": "latin-1", "raw": "\u2603"}, "latin-1"),
        ({"line": "3"}, r"\$\.line"),
        ({"source": None}, "`source`"),
    ],
)
def test_what_is_no_reject(change: dict[str, object], message: str) -> None:
    """What a reject holds is of the kinds that it was written in, or it is none; None here: it is not there."""
    record = Reject(source="a.csv", line=3, offset=17, reason="odd", raw=b"1,a\n").record()
    assert Reject.of(record).record() == record
    with pytest.raises(ValueError, match=message):
        Reject.of({name: value for name, value in (record | change).items() if value is not None})


@pytest.mark.parametrize(("name", "bad"), [("a.csv", b"1,2\n"), ("a.jsonl", b"{1}\n")])
def test_rejects_alone_fill_chunks(tmp_path: Path, name: str, bad: bytes) -> None:
    """A long run of bad records becomes bounded chunks without rows, in order and with none missing."""
    good = b"text\ngood\n" if name == "a.csv" else b'{"text": "good"}\n'
    (tmp_path / name).write_bytes(good + bad * (2 * CHUNK_ROWS + 5))
    chunks = read_chunks(tmp_path / name)
    assert [(len(chunk), len(chunk.rejects)) for chunk in chunks] == [(1, CHUNK_ROWS - 1), (0, CHUNK_ROWS), (0, 6)]
    rejects = [reject for chunk in chunks for reject in chunk.rejects]
    assert [reject.offset for reject in rejects] == [len(good) + i * len(bad) for i in range(len(rejects))]
    assert {reject.raw for reject in rejects} == {bad}


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_bytes_of_rejects_count(tmp_path: Path, name: str) -> None:
    """Large bad records share a chunk only as far as its bytes allow."""
    good = b"text\ngood\n" if name == "a.csv" else b'{"text": "good"}\n'
    large = b"{," + b"x" * (CHUNK_BYTES // 2) + b"\n"
    (tmp_path / name).write_bytes(good + large * 3)
    assert [len(chunk.rejects) for chunk in read_chunks(tmp_path / name)] == [1, 1, 1]


def test_whoever_needs_all_records(tmp_path: Path) -> None:
    """A caller that needs all records gets an error instead of a table or chunks with gaps."""
    (tmp_path / "a.csv").write_bytes(b"text\ngood\na,b\nbad\n")
    location = Location.parse(str(tmp_path / "a.csv"))
    message = r"a\.csv: line 3: 2 fields where the header has 1"
    with pytest.raises(BadDataError, match=message):
        read_table(location, SourceOptions())
    with pytest.raises(BadDataError, match=message):
        list(without_rejects(open_source(location, SourceOptions())))
