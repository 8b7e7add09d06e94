"""An output appears as a whole or not at all: a file or a folder, local or in a store."""

import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from far_store import far

from sentiment_batch.errors import CannotWriteError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.output import SUCCESS, Output, publish


@pytest.fixture(params=["here", "far"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Output:
    """An output file on the local file system or on another one."""
    (tmp_path / "bucket").mkdir()
    if request.param == "here":
        return Output(Location.parse(str(tmp_path / "bucket" / "a.csv")))
    return Output(far(tmp_path, "bucket/a.csv"))


def at(path: Path, *, is_folder: bool = False) -> Output:
    return Output(Location.parse(str(path)), is_folder)


def finished_file(folder: Path, content: bytes = b"new") -> Path:
    path = folder / "finished"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def finished_folder(folder: Path, *parts: str) -> Path:
    path = folder / "finished"
    path.mkdir(mode=0o700)
    for name in (*parts, SUCCESS):
        (path / name).write_text(name)
    return path


@pytest.fixture
def umask() -> Iterator[int]:
    """Set an unusual mask for the permissions of new files."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_a_file_replaces_another(tmp_path: Path, output: Output) -> None:
    """A published file replaces the one that was there."""
    (tmp_path / "bucket" / "a.csv").write_bytes(b"old, and longer")
    output.publish(finished_file(tmp_path))
    assert [path.name for path in (tmp_path / "bucket").iterdir()] == ["a.csv"]
    assert output.describe() == {"name": "a.csv", "bytes": 3, "sha256": sha256(b"new").hexdigest()}


@pytest.mark.parametrize("is_far", [False, True])
def test_a_folder_replaces_another(tmp_path: Path, is_far: bool) -> None:
    """No part of the old folder stays among those of the new."""
    old = tmp_path / "out"
    old.mkdir()
    (old / "part-00009.csv").write_text("old")
    location = far(tmp_path, "out/") if is_far else Location.parse(f"{old}/")
    output = Output.at(location)
    assert output.is_folder
    output.publish(finished_folder(tmp_path, "part-00000.csv", "part-00001.csv"))
    assert [file.file_name for file in output.files()] == [SUCCESS, "part-00000.csv", "part-00001.csv"]
    assert all(path.read_text() == path.name for path in old.iterdir())


def test_hash_of_a_folder(tmp_path: Path) -> None:
    """A folder's hash is that of the list of its files as sha256sum prints it."""
    output = at(finished_folder(tmp_path, "part-00000.csv"), is_folder=True)
    lines = [f"{sha256(name.encode()).hexdigest()}  {name}\n" for name in (SUCCESS, "part-00000.csv")]
    assert output.describe()["sha256"] == sha256("".join(lines).encode()).hexdigest()


def test_mode_follows_the_umask(tmp_path: Path, umask: int) -> None:
    """What is published has the permissions of any new file or folder."""
    at(tmp_path / "a.csv").publish(finished_file(tmp_path))
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o666 & ~umask
    at(tmp_path / "out", is_folder=True).publish(finished_folder(tmp_path, "part-00000.csv"))
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~umask
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o666 & ~umask}


@pytest.mark.parametrize("is_folder", [False, True])
def test_existing_output(tmp_path: Path, is_folder: bool) -> None:
    """An existing output is refused, unless it is to be replaced."""
    target = tmp_path / "out"
    output = at(target, is_folder=is_folder)
    output.require_writable(force=False)
    if is_folder:
        target.mkdir()
        output.require_writable(force=False)
        (target / "part-00000.csv").touch()
    else:
        target.touch()
    with pytest.raises(UsageError, match=r"out exists: .* --force"):
        output.require_writable(force=False)
    output.require_writable(force=True)


@pytest.mark.parametrize("force", [True, False])
def test_refused_targets(tmp_path: Path, force: bool) -> None:
    """Links, files as folders, and files in missing folders are refused, with or without --force."""
    (tmp_path / "file.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "file.csv")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nothing.csv")
    for name, message in {
        "link.csv": "is a symbolic link",
        "dangling.csv": "is a symbolic link",
        "missing/a.csv": "no folder .*missing/: create it first",
        "file.csv/a.csv": "no folder .*file.csv/: create it first",
    }.items():
        with pytest.raises(CannotWriteError, match=message):
            at(tmp_path / name).require_writable(force=force)
    with pytest.raises(CannotWriteError, match="is a file, not a folder"):
        at(tmp_path / "file.csv", is_folder=True).require_writable(force=force)


def test_standard_output() -> None:
    """Standard output can always be written."""
    Output.at(Location.parse("-")).require_writable(force=False)


def test_a_store_that_loses_bytes(tmp_path: Path) -> None:
    """An object that did not arrive whole is an error."""
    with pytest.raises(OSError, match=r"far://a\.csv: fewer bytes have arrived"):
        publish(finished_file(tmp_path), far(tmp_path, "a.csv", loses_bytes=True))
