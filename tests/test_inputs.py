"""From INPUT arguments to files: names, globs and folders."""

import os
import re
from pathlib import Path

import pytest

from sentiment_batch.errors import NoInputError, UsageError
from sentiment_batch.inputs import expand_inputs
from sentiment_batch.locations import Location


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(*names: object) -> list[str]:
    inputs = expand_inputs([str(name) for name in names], inbox=False)
    return [file.file_name for found in inputs for file in found.files]


def test_standard_input() -> None:
    """A dash is standard input."""
    [found] = expand_inputs(["-"], inbox=False)
    assert (found.files, found.is_folder) == ((Location.parse("-"),), False)


def test_uri(tmp_path: Path) -> None:
    """A file:// URI names the same file as its path."""
    touch(tmp_path, "a.csv")
    [found] = expand_inputs([f"file://{tmp_path}/a.csv"], inbox=False)
    assert found.location.path == str(tmp_path / "a.csv")
    assert found.location.is_local


def test_glob(tmp_path: Path) -> None:
    """A glob names its files in order, including those in subfolders; other folders are left out."""
    touch(tmp_path, "b.csv", "a.csv", "c.jsonl", "deep/er/d.csv", "e.csv/f.txt")
    assert found(tmp_path / "*.csv") == ["a.csv", "b.csv"]
    assert found(tmp_path / "*") == ["a.csv", "b.csv", "c.jsonl"]
    assert found(tmp_path / "**" / "*.csv") == ["a.csv", "b.csv", "d.csv"]
    assert found(tmp_path / "[bc].*", tmp_path / "a.csv") == ["b.csv", "c.jsonl", "a.csv"]


def test_glob_in_a_uri(tmp_path: Path) -> None:
    """The last part of a URI may be a pattern, as of a store's objects."""
    touch(tmp_path, "b.csv", "a.csv", "a.scored.csv", "c.jsonl")
    inputs = expand_inputs([f"file://{tmp_path}/*.csv"], inbox=False)
    assert [found.location.name for found in inputs] == [f"file://{tmp_path}/a.csv", f"file://{tmp_path}/b.csv"]
    for pattern in ("*.tsv", "nowhere/*.csv", "*/a.csv"):
        with pytest.raises(NoInputError, match="no file matches"):
            expand_inputs([f"file://{tmp_path}/{pattern}"], inbox=False)


def test_a_glob_leaves_out_what_was_scored(tmp_path: Path) -> None:
    """The same glob again does not take outputs for inputs; by its whole name one can be scored all the same."""
    notes = [f"a.scored.csv.{note}" for note in ("rejects.jsonl", "receipt.json", "incomplete.json")]
    touch(tmp_path, "a.csv", "a.scored.csv", *notes)
    assert found(tmp_path / "a.*") == ["a.csv"]
    assert found(tmp_path / "a.scored.csv") == ["a.scored.csv"]
    with pytest.raises(NoInputError, match="no file matches"):
        found(tmp_path / "*.scored.*")


@pytest.mark.parametrize("name", ["{}", "{}/", "{}/*", "{}/*.parquet", "{}/**/*.parquet", "file://{}/*.parquet"])
def test_data_sets(tmp_path: Path, name: str) -> None:
    """A folder that is named like a file, as Spark's are, is one input in a folder or of a glob, with its files."""
    touch(tmp_path, "c.parquet", "a.parquet", "d.scored.parquet/part-0.parquet", ".e.parquet/part-0.parquet")
    os.mkfifo(tmp_path / "g.parquet")
    touch(tmp_path, "b.parquet/part-1.parquet", "b.parquet/part-0.parquet", "b.parquet/_SUCCESS", "h.parquet/_SUCCESS")
    (tmp_path / "f.parquet").symlink_to(tmp_path / "b.parquet")
    inputs = expand_inputs([name.format(tmp_path)], inbox=False)
    assert [
        (found.location.file_name, [file.path.removeprefix(f"{tmp_path}/") for file in found.files], found.is_folder)
        for found in inputs
    ] == [
        ("a.parquet", ["a.parquet"], False),
        ("b.parquet", ["b.parquet/part-0.parquet", "b.parquet/part-1.parquet"], True),
        ("c.parquet", ["c.parquet"], False),
        ("f.parquet", ["f.parquet/part-0.parquet", "f.parquet/part-1.parquet"], True),
    ]
    assert all(Location.parse(file.name) == file for found in inputs for file in found.files)


@pytest.mark.parametrize("name", ["{}/b.parquet", "{}/b.parquet/", "file://{}/b.parquet/"])
def test_a_data_set_by_its_name(tmp_path: Path, name: str) -> None:
    """Its default output is beside it, not among its files."""
    touch(tmp_path, "b.parquet/part-0.parquet", "b.parquet/c.parquet/part-0.parquet", "b.parquet/_SUCCESS")
    [found] = expand_inputs([name.format(tmp_path)], inbox=False)
    assert [file.path.removeprefix(f"{tmp_path}/") for file in found.files] == [
        "b.parquet/c.parquet/part-0.parquet",
        "b.parquet/part-0.parquet",
    ]
    assert len(expand_inputs([f"{tmp_path}/**/*.parquet"], inbox=False)) == 1
    assert len(expand_inputs([f"{tmp_path}/b.parquet/*"], inbox=False)) == 2
    scored = found.location.scored()
    assert (scored.path, scored) == (str(tmp_path / "b.scored.parquet"), Location.parse(scored.name))
    inbox = expand_inputs([name.format(tmp_path)], inbox=True)
    assert [found.location.file_name for found in inbox] == ["c.parquet", "part-0.parquet"]


def test_a_data_set_in_partitions(tmp_path: Path) -> None:
    """Its columns that are in names of folders would be lost: it is a problem, and a partition by its name is not."""
    touch(tmp_path, "b.parquet/day=1/part-0.parquet", "b.parquet/part-0.parquet")
    problem = rf"in partitions, .*, such as {tmp_path}/b\.parquet/day=1/ with -o"
    for name in (tmp_path, tmp_path / "b.parquet", tmp_path / "*.parquet"):
        [found_there] = expand_inputs([str(name)], inbox=False)
        assert re.search(problem, found_there.problem)
    with pytest.raises(UsageError, match=problem):
        expand_inputs([str(tmp_path / "b.parquet")], inbox=True)
    assert found(tmp_path / "b.parquet" / "day=1") == ["part-0.parquet"]


@pytest.mark.parametrize("log", ["_delta_log", ".hoodie"])
def test_a_table(tmp_path: Path, log: str) -> None:
    """The files of a table hold rows that are deleted or were replaced: the folder is refused."""
    touch(tmp_path, "t/part-0.parquet", f"t/{log}/0.json")
    with pytest.raises(UsageError, match=r"/t: a (Delta|Hudi) table, whose files also hold rows that are no longer in"):
        expand_inputs([str(tmp_path / "t")], inbox=True)


def test_name_with_magic_characters(tmp_path: Path) -> None:
    """An existing file is meant literally, even if its name could be a glob."""
    touch(tmp_path, "a[1].csv", "a1.csv")
    assert found(tmp_path / "a[1].csv") == ["a[1].csv"]


def test_folder(tmp_path: Path) -> None:
    """A folder names its readable files in order, but neither other files nor earlier outputs."""
    touch(tmp_path, "b.parquet", "a.csv.gz", "a.scored.csv.gz", "notes.txt", "deep/c.csv")
    assert found(tmp_path) == ["a.csv.gz", "b.parquet"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.csv", "no such file"), ("*.csv", "no file matches"), (".", "no Parquet, CSV, TSV or JSONL file")],
)
def test_nothing_there(tmp_path: Path, name: str, message: str) -> None:
    """A name that matches nothing is an error that says what was looked for."""
    with pytest.raises(NoInputError, match=message):
        expand_inputs([str(tmp_path / name)], inbox=False)
