"""A finished file or folder is there as a whole or not at all, here or in a store."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from far_store import far

from sentiment_batch.errors import CannotWriteError
from sentiment_batch.locations import SUCCESS, Location
from sentiment_batch.publishing import publish, publishing


@pytest.fixture(params=["here", "far"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A folder on the local file system, or on one that is not the local one."""
    (tmp_path / "bucket").mkdir()
    return far(tmp_path, "bucket/") if request.param == "far" else Location.parse(str(tmp_path / "bucket"))


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
    """An unusual mask for the permissions of new files."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_a_file_replaces_another(tmp_path: Path, bucket: Location) -> None:
    """What is published takes the place of what was there."""
    (tmp_path / "bucket" / "a.csv").write_bytes(b"old, and longer")
    publish(finished_file(tmp_path), bucket.child("a.csv"))
    assert [path.name for path in (tmp_path / "bucket").iterdir()] == ["a.csv"]
    assert (tmp_path / "bucket" / "a.csv").read_bytes() == b"new"


def test_a_folder_replaces_another(tmp_path: Path, bucket: Location) -> None:
    """No part of the old folder stays among those of the new."""
    (tmp_path / "bucket" / "part-00009.csv").write_text("old")
    publish(finished_folder(tmp_path, "part-00000.csv", "part-00001.csv"), bucket)
    written = sorted((tmp_path / "bucket").iterdir())
    assert [path.name for path in written] == [SUCCESS, "part-00000.csv", "part-00001.csv"]
    assert all(path.read_text() == path.name for path in written)


def test_mode_follows_the_umask(tmp_path: Path, umask: int) -> None:
    """What is published has the permissions that any new file or folder would have."""
    publish(finished_file(tmp_path), Location.parse(str(tmp_path / "a.csv")))
    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == 0o666 & ~umask
    publish(finished_folder(tmp_path, "part-00000.csv"), Location.parse(str(tmp_path / "out")))
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~umask
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o666 & ~umask}


def test_a_store_that_loses_bytes(tmp_path: Path) -> None:
    """An object that has not arrived as a whole is an error."""
    with pytest.raises(OSError, match=r"far://a\.csv: fewer bytes have arrived"):
        publish(finished_file(tmp_path), far(tmp_path, "a.csv", loses_bytes=True))


def test_a_link_in_the_place_of_what_is_unfinished(tmp_path: Path) -> None:
    """Where others can write, nobody makes us write elsewhere."""
    (tmp_path / "theirs").write_text("keep")
    (tmp_path / ".a.html.partial").symlink_to("theirs")
    with (
        pytest.raises(CannotWriteError, match=r"a\.html: "),
        publishing(Location.parse(f"{tmp_path}/a.html")) as stream,
    ):
        stream.write(b"new")
    assert (tmp_path / "theirs").read_text() == "keep"
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_success_comes_last(tmp_path: Path) -> None:
    """A folder of which a part has not arrived does not say that it is complete."""
    with pytest.raises(OSError, match=r"far://out/part-00000\.csv: fewer bytes have arrived"):
        publish(finished_folder(tmp_path, "part-00000.csv"), far(tmp_path, "out/", loses_bytes=True))
    assert not (tmp_path / "out" / SUCCESS).exists()


_PUBLISH = """
import sys
from pathlib import Path
from sentiment_batch.locations import Location
from sentiment_batch.publishing import publish
publish(Path("finished"), Location.parse("target"))
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_synced_before_it_is_there(tmp_path: Path) -> None:
    """All files and folders of what takes a place are on the disk before it does, whoever wrote them."""
    finished = finished_folder(tmp_path, "graph")
    (finished / "seed-1").mkdir()
    (finished / "seed-1/weights").write_text("1")
    log = tmp_path / "calls"
    trace = ("strace", "-qq", "-f", "-y", "-e", "trace=fsync,rename", "-o", str(log))
    subprocess.run([*trace, sys.executable, "-c", _PUBLISH], cwd=tmp_path, check=True)
    before, _, after = log.read_text("utf-8").partition("rename(")
    synced = {Path(line.partition("<")[2].partition(">")[0]) for line in before.splitlines() if "fsync(" in line}
    parts = ("", SUCCESS, "graph", "seed-1", "seed-1/weights")
    assert synced == {finished / part for part in parts}
    assert f"<{tmp_path}>" in after
