"""Hostile archives are refused, and good ones are unpacked."""

import io
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from fetching.conftest import zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_batch.errors import BadDataError, CannotWriteError
from sentiment_batch.fetching.archive import unpack

PLENTY = 10**9


def unpacked(content: bytes, folder: Path, max_bytes: int = PLENTY) -> dict[str, bytes]:
    """Unpack the archive and return the files below the folder."""
    (folder / "a.zip").write_bytes(content)
    unpack(folder / "a.zip", folder / "files", max_bytes)
    files = (path for path in (folder / "files").rglob("*") if path.is_file())
    return {path.relative_to(folder / "files").as_posix(): path.read_bytes() for path in files}


def test_files_and_folders(tmp_path: Path) -> None:
    """Files come out as they went in, in their folders."""
    files = {"train.csv": b"a,b\n", "deep/er/test.csv": b"", "deep/x": bytes(range(256))}
    assert unpacked(zipped({**files, "empty/": b""}), tmp_path) == files


def test_archives_inside(tmp_path: Path) -> None:
    """An archive that holds only the file it is named after becomes that file; any other stays an archive."""
    other = {
        "two.csv.zip": zipped({"two.csv": b"2", "more.csv": b"3"}),
        "renamed.csv.zip": zipped({"another.csv": b"4"}),
        "twice.csv.zip": zipped({"twice.csv": b"5"}),
        "twice.csv": b"6",
        "no.zip": b"not one",
    }
    assert unpacked(zipped({"deep/train.tsv.zip": zipped({"train.tsv": b"1"}), **other}), tmp_path) == {
        "deep/train.tsv": b"1",
        **other,
    }


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", "//x", "..\\x", "\\x", "C:\\x", "C:x", "..", "a/..", "."], ids=repr
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    """A name that leads out of the folder is refused, before the first file is written."""
    with pytest.raises(BadDataError, match="leads out of the folder"):
        unpacked(zipped({"good": b"1", name: b"2"}), tmp_path)
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("names", [["a", "a"], ["a", "./a"], ["a/b", "a"], ["a", "a/b/c"]])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_in_each_others_way(tmp_path: Path, names: list[str]) -> None:
    """Two files of the same name, and a file in the place of a folder, are refused."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    with pytest.raises(BadDataError, match="the same name twice"):
        unpacked(content.getvalue(), tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_special_files(tmp_path: Path, kind: int) -> None:
    """Links, pipes and devices are refused."""
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(BadDataError, match="'link', which is no plain file"):
        unpacked(content.getvalue(), tmp_path)


def test_bomb(tmp_path: Path) -> None:
    """An archive whose stated size is too large is refused before a byte is written."""
    with pytest.raises(BadDataError, match=r"a\.zip, unpacked, has 0\.1 GB, and 0\.0 GB are allowed"):
        unpacked(zipped({"zeros": bytes(10**8)}), tmp_path, max_bytes=10**6)
    assert list((tmp_path / "files").iterdir()) == []


def test_bomb_in_an_archive(tmp_path: Path) -> None:
    """The contents of archives inside count towards the limit."""
    bomb = zipped({"a.zip": zipped({"a": bytes(10**6)}), "b.zip": zipped({"b": bytes(10**6)})})
    assert len(unpacked(bomb, tmp_path, max_bytes=2_100_000)) == 2
    shutil.rmtree(tmp_path / "files")
    with pytest.raises(BadDataError, match="are allowed"):
        unpacked(bomb, tmp_path, max_bytes=1_900_000)


def test_bomb_that_lies(tmp_path: Path) -> None:
    """An archive that understates its size is unpacked no further than that size, and is refused."""
    content = zipped({"zeros": bytes(10**8)})
    size = struct.pack("<I", 10**8)
    assert content.count(size) == 2
    (tmp_path / "a.zip").write_bytes(content.replace(size, struct.pack("<I", 1000)))
    with pytest.raises(BadDataError, match="cannot be unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "files", 10**6)
    assert sum(path.stat().st_size for path in (tmp_path / "files").iterdir()) <= 1000


def test_larger_than_the_disk(tmp_path: Path) -> None:
    """An archive that the disk has no room for is refused, whatever the limit."""
    free = shutil.disk_usage(tmp_path).free
    content = bytearray(zipped({"a": b"1"}))
    entry = content.rindex(b"PK\x01\x02")
    # A central directory can state any size, in an extra field for large ones.
    extra = struct.pack("<HHQ", 1, 8, free + 2**40)
    content[entry + 24 : entry + 28] = b"\xff" * 4
    content[entry + 30 : entry + 32] = struct.pack("<H", len(extra))
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<I", end - entry + len(extra))
    content[entry + 47 : entry + 47] = extra
    with pytest.raises(CannotWriteError, match="make room"):
        unpacked(bytes(content), tmp_path, max_bytes=2**62)


def test_damage(tmp_path: Path) -> None:
    """A changed byte is detected."""
    damaged = bytearray(zipped({"a": bytes(i * i % 251 for i in range(50_000))}))
    damaged[len(damaged) // 3] ^= 0x55
    with pytest.raises(BadDataError, match=r"a\.zip cannot be unpacked"):
        unpacked(bytes(damaged), tmp_path)


@settings(max_examples=300)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_damage(scratch: Path, changes: list[tuple[int, int]]) -> None:
    """A damaged archive is refused, or its files have the right contents."""
    good = {"a.csv": b"a,b\n1,2\n", "b/c.csv": bytes(300)}
    content = bytearray(zipped(good))
    for place, value in changes:
        content[place % len(content)] = value
    shutil.rmtree(scratch / "files", ignore_errors=True)
    try:
        found = unpacked(bytes(content), scratch, max_bytes=10**6)
    except (BadDataError, CannotWriteError):
        return
    assert set(found.values()) <= set(good.values())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods(tmp_path: Path, method: int) -> None:
    """Compression methods that unpack a gigabyte at once are refused before they do."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("a", bytes(10**6))
    with pytest.raises(BadDataError, match="'a', compressed with a method other than deflate"):
        unpacked(content.getvalue(), tmp_path)


def test_password(tmp_path: Path) -> None:
    """An archive with a password is refused, and the error says so."""
    content = bytearray(zipped({"a": b"1"}))
    entry = content.rindex(b"PK\x01\x02")
    content[6] = content[entry + 8] = 1
    with pytest.raises(BadDataError, match=r"cannot be unpacked: .*password"):
        unpacked(bytes(content), tmp_path)
