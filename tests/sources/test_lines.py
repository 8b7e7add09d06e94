"""Physical lines."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.locations import Location
from sentiment_batch.sources.files import InputFile
from sentiment_batch.sources.lines import PhysicalLines, line_length


def at_line_feeds(block: bytes) -> list[bytes]:
    return io.BytesIO(block).readlines()


def at_any_end(block: bytes) -> list[bytes]:
    return block.splitlines(keepends=True)


@pytest.mark.parametrize("split", [at_line_feeds, at_any_end])
@given(
    content=st.lists(st.sampled_from([b"a", b"\r", b"\n", b"bcd"]), min_size=1).map(b"".join), bound=st.integers(1, 8)
)
def test_any_bytes(scratch: Path, split: Callable[[bytes], list[bytes]], content: bytes, bound: int) -> None:
    """Wherever blocks end, lines are cut at their ends; of a line above the bound, beginning and length are known."""
    (scratch / "lines.csv").write_bytes(content)
    file = InputFile(Location.parse(str(scratch / "lines.csv")))
    lines = list(PhysicalLines(file, bound, split))
    file.close()
    expected = split(content)
    assert list(map(line_length, lines)) == list(map(len, expected))
    for line, whole in zip(lines, expected, strict=True):
        assert whole[: len(line)] == line
        assert line == whole if len(whole) <= bound else len(line) <= bound + 1


@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\n"])
def test_long_line(tmp_path: Path, ends: bytes) -> None:
    """Little is kept of a line of many blocks, and the next lines are whole."""
    (tmp_path / "a.csv").write_bytes(b"x" * 5_000_000 + ends + b"next" + ends + b"last")
    file = InputFile(Location.parse(str(tmp_path / "a.csv")))
    long, *others = PhysicalLines(file, 1_000_000, at_any_end)
    file.close()
    assert (bytes(long), line_length(long)) == (b"x" * 2**16, 5_000_000 + len(ends))
    assert others == [b"next" + ends, b"last"]


@pytest.mark.parametrize(("length", "kept"), [(100_000, 100_000), (100_001, 2**16)])
def test_longest_line(tmp_path: Path, length: int, kept: int) -> None:
    """A line of as many bytes as are allowed is whole; of one of a byte more little is kept."""
    (tmp_path / "a.csv").write_bytes(b"x" * length)
    file = InputFile(Location.parse(str(tmp_path / "a.csv")))
    [line] = PhysicalLines(file, 100_000, at_line_feeds)
    file.close()
    assert (len(line), line_length(line)) == (kept, length)
