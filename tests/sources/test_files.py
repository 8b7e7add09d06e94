"""Opening and decompressing inputs."""

import gzip
import os
import resource
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import compressed, read_chunks, read_texts

from sentiment_batch.errors import BadDataError, InputOutputError, NoInputError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.sources.files import InputFile

TEXTS = [f"film {row}" for row in range(3000)]


def parquet_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": TEXTS}), sink)
    return bytes(sink.getvalue())


CONTENTS = {
    "csv": "\n".join(["text", *TEXTS]).encode(),
    "tsv": "\n".join(["text", *TEXTS]).encode(),
    "jsonl": "\n".join(f'{{"text": "{text}"}}' for text in TEXTS).encode(),
    "parquet": parquet_bytes(),
}


@pytest.mark.parametrize("compression", ["", "gz", "zst"])
@pytest.mark.parametrize("suffix", CONTENTS)
def test_compressed(tmp_path: Path, suffix: str, compression: str) -> None:
    """Every format is read both plain and compressed as a whole."""
    path = tmp_path / f"reviews.{suffix}{'.' if compression else ''}{compression}"
    path.write_bytes(compressed(CONTENTS[suffix], compression))
    assert read_texts(path) == TEXTS


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_several_members(tmp_path: Path, compression: str) -> None:
    """Compressed files appended to each other are read to the end."""
    path = tmp_path / f"reviews.csv.{compression}"
    parts = [b"text\ngood\nb", b"", b"ad\n", b"so-so\n"]
    path.write_bytes(b"".join(compressed(part, compression) for part in parts))
    assert read_texts(path) == ["good", "bad", "so-so"]


@pytest.mark.parametrize("missing", [1, 4, 9, 500, 5000])
@pytest.mark.parametrize("compression", ["gz", "zst"])
@pytest.mark.parametrize("suffix", CONTENTS)
def test_compressed_file_cut_short(tmp_path: Path, suffix: str, compression: str, missing: int) -> None:
    """A truncated compressed file is bad data and never passes for a shorter one."""
    path = tmp_path / f"reviews.{suffix}.{compression}"
    content = compressed(CONTENTS[suffix], compression)
    path.write_bytes(content[: max(len(content) - missing, 10)])
    with pytest.raises(BadDataError, match=rf"\A{path}.+\Z"):
        read_chunks(path)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.jsonl.gz", "a.parquet.zst"])
def test_not_compressed(tmp_path: Path, name: str) -> None:
    """A file not compressed as its name says is bad data."""
    (tmp_path / name).write_bytes(b'{"text": "good"}\n' * 10)
    with pytest.raises(BadDataError, match=str(tmp_path / name)):
        read_chunks(tmp_path / name)


def test_damaged_gzip(tmp_path: Path) -> None:
    """A checksum that does not match is bad data."""
    content = bytearray(gzip.compress(CONTENTS["csv"]))
    content[-8] ^= 1
    (tmp_path / "a.csv.gz").write_bytes(content)
    with pytest.raises(BadDataError, match="cut short or damaged: "):
        read_chunks(tmp_path / "a.csv.gz")


def test_any_byte_of_gzip(tmp_path: Path) -> None:
    """Nor does a byte that was changed somewhere in the middle pass, whatever it makes of the rest."""
    content = gzip.compress(CONTENTS["csv"])
    for place in range(10, len(content) - 8, 97):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "a.csv.gz").write_bytes(damaged)
        with pytest.raises(BadDataError, match="cut short or damaged: "):
            read_chunks(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("suffix", CONTENTS)
@pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
def test_empty_file(tmp_path: Path, suffix: str, compression: str) -> None:
    """A file without a byte is bad data, whatever its name."""
    path = tmp_path / f"reviews.{suffix}{compression}"
    path.touch()
    with pytest.raises(BadDataError, match=f"{path}: the file is empty"):
        read_chunks(path)


@pytest.mark.parametrize("suffix", CONTENTS)
@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_nothing_compressed(tmp_path: Path, suffix: str, compression: str) -> None:
    """A compressed file without content is bad data too."""
    path = tmp_path / f"reviews.{suffix}.{compression}"
    path.write_bytes(compressed(b"", compression))
    with pytest.raises(BadDataError, match=str(path)):
        read_chunks(path)


@pytest.mark.parametrize(
    ("name", "more", "most"),
    [
        ("a.csv.gz", 0, 2**27),
        ("a.csv.zst", 0, 2**32),
        ("a.parquet", 0, 2**32),
        ("a.parquet", 30_000_000, 6_000_000_000),
    ],
)
def test_likely_size(tmp_path: Path, name: str, more: int, most: int) -> None:
    """A small file may grow to a fixed size, a larger one to a multiple of its own; beyond that it is refused."""
    path = tmp_path / name
    path.write_bytes(compressed(b"text\n", name.rpartition(".")[2]))
    os.truncate(path, more or path.stat().st_size)
    file = InputFile(Location.parse(str(path)))
    file.require_likely_size([most // 2, most - most // 2])
    with pytest.raises(
        BadDataError, match=f"{path}: its [0-9,]+ bytes become more than {most:,}: a decompression bomb"
    ):
        file.require_likely_size([most // 2, most - most // 2, 1])
    file.close()


def test_large_files_are_not_looked_through(tmp_path: Path) -> None:
    """The size of a large file's contents is not checked at all."""
    with (tmp_path / "a.parquet").open("wb") as content:
        content.truncate(40_000_000)
    file = InputFile(Location.parse(str(tmp_path / "a.parquet")))
    file.require_likely_size(pytest.fail("looked through") for _ in range(1))
    file.close()


def test_padding_behind_gzip(tmp_path: Path) -> None:
    """Zeros after the last gzip member, as tapes leave them, are no damage; other bytes are."""
    content = gzip.compress(b"text\ngood\n")
    (tmp_path / "a.csv.gz").write_bytes(content + bytes(1000))
    assert read_texts(tmp_path / "a.csv.gz") == ["good"]
    (tmp_path / "a.csv.gz").write_bytes(content + b"more")
    with pytest.raises(BadDataError, match="cut short or damaged: "):
        read_chunks(tmp_path / "a.csv.gz")


def test_no_room_to_unpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a compressed Parquet file cannot be unpacked, the temporary folder is named, and what to do about it."""
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(CONTENTS["parquet"]))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, unlimited[1]))
    try:
        with pytest.raises(InputOutputError, match=rf"a\.parquet\.gz: .* {tmp_path}: File too large: .* set TMPDIR"):
            read_chunks(tmp_path / "a.parquet.gz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)


def test_no_such_file(tmp_path: Path) -> None:
    """A file that does not exist is named."""
    with pytest.raises(NoInputError, match=f"{tmp_path}/a.csv: no such file"):
        read_chunks(tmp_path / "a.csv")


def test_folder(tmp_path: Path) -> None:
    """A folder with a file's name cannot be read as a file."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputOutputError, match=rf"\A{tmp_path}/a.csv: .+\Z"):
        read_chunks(tmp_path / "a.csv")


def test_unknown_suffix(tmp_path: Path) -> None:
    """A file whose name does not indicate its format is a usage error."""
    (tmp_path / "a.txt").write_text("text\n", "utf-8")
    with pytest.raises(UsageError, match=r"a\.txt: not one of"):
        read_chunks(tmp_path / "a.txt")
