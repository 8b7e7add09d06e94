"""Output that is there as a whole or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pytest
from support import read_texts, write_records

from sentiment_batch.errors import CannotWriteError, UsageError
from sentiment_batch.formats import FileType
from sentiment_batch.locations import Location
from sentiment_batch.sinks import open_sink, require_writable

NAMES = [f"a.{suffix}{compression}" for suffix in ("csv", "jsonl", "parquet") for compression in ("", ".gz", ".zst")]
TEXTS = pa.RecordBatch.from_pydict({"text": ["good", "bad"]})
ADDED = pa.RecordBatch.from_pydict({"n_tokens": [3, 3]})
RECORDS = pa.RecordBatch.from_pydict({"text": ["good", "bad"], "n_tokens": [3, 3]})


class Interruption(BaseException):
    """Stands for Ctrl-C, or anything else that may happen in the middle."""


def write_then_raise(target: Location) -> None:
    with open_sink(target, FileType.of(target.file_name), TEXTS.schema, ADDED.schema) as sink:
        sink.write(TEXTS, ADDED, None)
        raise Interruption


@pytest.fixture
def umask() -> Iterator[int]:
    """An unusual mask for the permissions of new files."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_after_an_exception(tmp_path: Path, name: str) -> None:
    """Whatever happens while the rows are written, no file appears and none is left behind."""
    with pytest.raises(Interruption):
        write_then_raise(Location.parse(str(tmp_path / name)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_old_output_stays_after_an_exception(tmp_path: Path, name: str) -> None:
    """An output that was there before stays as it was until the new one is complete."""
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(Interruption):
        write_then_raise(Location.parse(str(tmp_path / name)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"old"}


@pytest.mark.parametrize("name", NAMES)
def test_output_appears_at_the_end(tmp_path: Path, name: str) -> None:
    """While rows are written there is no file of the final name; at the end there is no other."""
    target = Location.parse(str(tmp_path / name))
    with open_sink(target, FileType.of(name), TEXTS.schema, ADDED.schema) as sink:
        sink.write(TEXTS, ADDED, None)
        assert not (tmp_path / name).exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert read_texts(tmp_path / name) == ["good", "bad"]


def test_partial_file_is_private(tmp_path: Path) -> None:
    """What is being written cannot be read by others."""
    with open_sink(Location.parse(str(tmp_path / "a.csv")), FileType.of("a.csv"), TEXTS.schema, ADDED.schema):
        [partial] = tmp_path.iterdir()
        assert stat.S_IMODE(partial.stat().st_mode) == 0o600


def test_mode_follows_the_umask(tmp_path: Path, umask: int) -> None:
    """The finished file has the permissions that any new file would have."""
    path = write_records(tmp_path / "a.csv", RECORDS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("name", NAMES)
def test_same_rows_same_bytes(tmp_path: Path, name: str) -> None:
    """Two runs over the same rows write the same bytes: no clock, no name, no chance."""
    (tmp_path / "other").mkdir()
    first = write_records(tmp_path / name, RECORDS)
    os.utime(first, (0, 0))
    assert write_records(tmp_path / "other" / name, RECORDS).read_bytes() == first.read_bytes()


def test_gzip_header_has_no_time(tmp_path: Path) -> None:
    """The time field of a gzip header is zero and no name follows it."""
    header = write_records(tmp_path / "a.csv.gz", RECORDS).read_bytes()[:10]
    assert header[3:8] == bytes(5)


def test_existing_output(tmp_path: Path) -> None:
    """An existing output is refused, unless it is to be replaced."""
    (tmp_path / "a.csv").touch()
    target = Location.parse(str(tmp_path / "a.csv"))
    with pytest.raises(UsageError, match=r"a\.csv exists: .* --force"):
        require_writable(target, force=False)
    require_writable(target, force=True)


@pytest.mark.parametrize("force", [True, False])
def test_refused_targets(tmp_path: Path, force: bool) -> None:
    """Links, folders and files in folders that are not there are refused, whether or not to replace."""
    (tmp_path / "file.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "file.csv")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nothing.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, message in {
        "link.csv": "is a symbolic link",
        "dangling.csv": "is a symbolic link",
        "folder.csv": "is a folder",
        "missing/a.csv": "no folder .*missing/: create it first",
        "file.csv/a.csv": "no folder .*file.csv/: create it first",
    }.items():
        with pytest.raises(CannotWriteError, match=message):
            require_writable(Location.parse(str(tmp_path / name)), force=force)


def test_new_output_and_standard_output(tmp_path: Path) -> None:
    """A new file in an existing folder may be written, and so may standard output."""
    require_writable(Location.parse(str(tmp_path / "a.csv")), force=False)
    require_writable(Location.parse("-"), force=False)


def test_folder_that_vanished(tmp_path: Path) -> None:
    """What the file system refuses at last is an error with the output's name."""
    with pytest.raises(CannotWriteError, match=f"{tmp_path}/gone/a.csv: "):
        write_records(tmp_path / "gone" / "a.csv", RECORDS)


@pytest.mark.parametrize("name", NAMES)
def test_other_file_system(tmp_path: Path, name: str) -> None:
    """On a file system that is not the local one the output appears at the end, or leaves nothing, too."""
    (tmp_path / "bucket").mkdir()
    remote = pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())
    target = Location(remote, f"bucket/{name}", f"far://bucket/{name}")
    assert not target.is_local
    with pytest.raises(Interruption):
        write_then_raise(target)
    assert list((tmp_path / "bucket").iterdir()) == []
    with open_sink(target, FileType.of(name), TEXTS.schema, ADDED.schema) as sink:
        sink.write(TEXTS, ADDED, None)
    assert [path.name for path in (tmp_path / "bucket").iterdir()] == [name]
    assert read_texts(tmp_path / "bucket" / name) == ["good", "bad"]
