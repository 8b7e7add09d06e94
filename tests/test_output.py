"""What an output is, and what may be one."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from sentiment_batch.errors import CannotWriteError, UsageError
from sentiment_batch.locations import SUCCESS, Location
from sentiment_batch.output import Output


def at(path: Path, *, is_folder: bool = False) -> Output:
    return Output(Location.parse(str(path)), is_folder)


def test_what_is_there(tmp_path: Path) -> None:
    """Size and hash of a file; those of a folder are of its files, the hash as sha256sum prints it."""
    (tmp_path / "out").mkdir()
    names = (SUCCESS, "part-00000.csv")
    for name in names:
        (tmp_path / "out" / name).write_text(name)
    hashes = [sha256(name.encode()).hexdigest() for name in names]
    files = [{"name": n, "bytes": len(n), "sha256": h} for n, h in zip(names, hashes, strict=True)]
    assert at(tmp_path / "out" / SUCCESS).describe() == files[0]
    lines = [f"{h}  {n}\n" for n, h in zip(names, hashes, strict=True)]
    assert Output.at(Location.parse(str(tmp_path / "out"))).describe() == {
        "name": "out",
        "bytes": sum(map(len, names)),
        "sha256": sha256("".join(lines).encode()).hexdigest(),
        "files": files,
    }


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
    with pytest.raises(CannotWriteError, match="is a folder, not a file"):
        at(tmp_path).require_writable(force=force)
    with pytest.raises(CannotWriteError, match="is a mount point, which cannot be replaced: name a file or folder in"):
        at(Path("/proc"), is_folder=True).require_writable(force=force)


def test_a_name_too_long_for_what_belongs_beside_it(tmp_path: Path) -> None:
    """Where the longest name beside the output has no room, that is said in time."""
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") - len(".incomplete.json")
    at(tmp_path / ("é" * (longest // 2 - 4) + "x" * (longest % 2) + "long.csv")).require_writable(force=False)
    for name in ("x" * (longest - 3) + ".csv", "é" * (longest // 2 - 1) + ".csv", "x" * 500 + ".csv"):
        with pytest.raises(UsageError, match=r"too long with \.incomplete\.json behind it: choose a shorter name"):
            at(tmp_path / name).require_writable(force=False)


def test_standard_output() -> None:
    """Standard output can always be written."""
    Output.at(Location.parse("-")).require_writable(force=False)


def test_a_folder_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that ends like a folder is one, also before the store's options; it is assembled here, or not at all."""
    output = Output.at(Location.parse("s3://bucket/out/?region=eu-north-1"))
    assert output.is_folder
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(CannotWriteError, match=r"assemble it in \(.+/file/.+\): name a folder with XDG_STATE_HOME\Z"):
        assert output.base


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("_SUCCESS", True),
        ("part-00000-1f2e.snappy.parquet", True),
        (".part-00000-1f2e.snappy.parquet.crc", True),
        ("._SUCCESS.crc", True),
        ("_SUCCESS.txt", False),
        ("my-part-00000.csv", False),
        ("part.csv", False),
    ],
)
def test_folders_of_other_programs(tmp_path: Path, name: str, is_ours: bool) -> None:
    """Parts of any program's, with their checksums, may be replaced; a file of another name may not."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    output = at(tmp_path / "out", is_folder=True)
    if is_ours:
        output.require_writable(force=True)
    else:
        with pytest.raises(UsageError, match="which sentiment-batch has not put there"):
            output.require_writable(force=True)
