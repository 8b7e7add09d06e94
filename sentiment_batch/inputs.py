"""From INPUT arguments to the inputs that they name: files, URIs, globs and folders."""

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow.fs as pafs

from sentiment_batch.errors import NoInputError, UsageError
from sentiment_batch.formats import FileType, is_known, require_utf8
from sentiment_batch.locations import REJECTS, SCORED, SUCCESS, Location, plain_name
from sentiment_batch.output import INCOMPLETE, RECEIPT

# What tells that a folder is a table, of which only a log knows which files, and which of their rows, count.
_TABLES = {"_delta_log": "Delta", ".hoodie": "Hudi"}
# As Hive, Spark and others name the folder of the rows with one value in a column.
_PARTITION = re.compile(r"[^=.][^=]*=.*")


@dataclass(frozen=True)
class Input:
    """A file; or a data set: a folder, as Spark writes it and names it like a file, with the `files` in it.

    `problem`: why these files alone are not its rows; empty if they are.
    """

    location: Location
    files: tuple[Location, ...]
    problem: str = ""

    @property
    def is_folder(self) -> bool:
        return self.files != (self.location,)


def first_problem(inputs: Sequence[Input]) -> str:
    return next((found.problem for found in inputs if found.problem), "")


def expand_inputs(names: Sequence[str], *, inbox: bool) -> list[Input]:
    """Return the inputs that INPUT arguments name, in order: files, URIs, globs and folders.

    A folder stands for the inputs in it, unless it is a data set itself and no `inbox`, which may be empty. Globs and
    folders leave out what earlier runs wrote (`*.scored.csv` and the like, their rejects and receipts); folders leave
    out hidden files too.

    Raises NoInputError if a name leads to no file, unless it is an inbox; UsageError for what is neither file nor
    folder, for a name that is empty or not UTF-8, and for a folder of files that alone are not its rows.
    """
    return [found for name in names for found in _expand(name, inbox)]


def _expand(name: str, is_inbox: bool) -> list[Input]:
    location = Location.parse(name)
    if location.is_standard_stream:
        return [_file(location)]
    kind = location.kind()
    if kind == pafs.FileType.File:
        return [_file(location)]
    if kind == pafs.FileType.Unknown:
        raise UsageError(f"{name} is a device or a pipe, not a file: pass it to stdin (-)")
    if kind == pafs.FileType.Directory:
        kinds = _kinds_in(location)
        if not is_inbox and _is_data_set(location, kinds):
            found = _data_set(location, kinds)
        elif problem := _problem(location, kinds):
            raise UsageError(problem)
        else:
            found = _inputs_of(location, kinds)
        if not found and not is_inbox:
            raise NoInputError(f"{name}: no Parquet, CSV, TSV or JSONL file in this folder")
        return found
    if not glob.has_magic(location.path):
        raise NoInputError(f"{name}: no such file")
    matches = _matches(location)
    if not matches:
        raise NoInputError(f"{name}: no file matches")
    return matches


def _matches(pattern: Location) -> list[Input]:
    """Inputs whose paths match; of a URI, only the last part can be a pattern."""
    if "://" in pattern.name:
        folder = pattern.parent()
        kinds = _kinds_in(folder) if folder.kind() == pafs.FileType.Directory else {}
        return _inputs_of(folder, {name: kinds[name] for name in fnmatch.filter(kinds, pattern.file_name)})
    found: list[Input] = []
    folders: set[PurePosixPath] = set()
    for match in sorted(glob.glob(pattern.name, recursive=True)):
        path, kind = PurePosixPath(match), _kind(match)
        if not folders.isdisjoint(path.parents):  # `**` also matches what is in a data set or an output
            continue
        if kind == pafs.FileType.Directory and is_known(path.name):
            folders.add(path)
            if not _is_output(path.name):
                folder = Location.parse(match)
                found += _data_set(folder, _kinds_in(folder))
        elif kind == pafs.FileType.File and not _is_output(path.name):
            found.append(_file(Location.parse(match)))
    return found


def _inputs_of(folder: Location, kinds: Mapping[str, pafs.FileType]) -> list[Input]:
    """The inputs among these names in a folder, in order, without hidden ones, like `*` in a shell."""
    found = []
    for name in sorted(kinds):
        if is_known(name) and not name.startswith(".") and not _is_output(name):
            if kinds[name] == pafs.FileType.Directory:
                inner = folder.child(require_utf8(name))
                found += _data_set(inner, _kinds_in(inner))
            elif kinds[name] == pafs.FileType.File:
                found.append(_file(folder.child(require_utf8(name))))
    return found


def _file(location: Location) -> Input:
    return Input(location, (location,))


def _is_data_set(folder: Location, kinds: Mapping[str, pafs.FileType]) -> bool:
    """Whether it is named like a file, or holds what Spark and others leave when they are done.

    Only if its name is written out: `.` stands for what is in the folder.
    """
    is_named = plain_name(folder.name).rstrip("/").endswith(folder.file_name)
    return is_named and (is_known(folder.file_name) or SUCCESS in kinds)


def _data_set(folder: Location, kinds: Mapping[str, pafs.FileType]) -> list[Input]:
    """That of the folder, unless there is no file in it."""
    if problem := _problem(folder, kinds):
        return [Input(folder, (folder,), problem)]
    found = _inputs_of(folder, kinds)
    files = tuple(file for each in found for file in each.files)
    return [Input(folder, files, first_problem(found))] if files else []


def _problem(folder: Location, kinds: Mapping[str, pafs.FileType]) -> str:
    """Why the files in a folder alone are not its rows; empty if they are."""
    for name in kinds:
        if name in _TABLES:
            return (
                f"{folder.name}: a {_TABLES[name]} table, whose files also hold rows that are no longer in it: "
                "write the rows that are to plain files, and score them"
            )
        if _PARTITION.fullmatch(name) and kinds[name] == pafs.FileType.Directory:
            return (
                f"{folder.name}: a data set in partitions, whose columns are in names of folders alone: "
                f"score each into an output elsewhere, such as {folder.child(name).name}/ with -o"
            )
    return ""


def _kinds_in(folder: Location) -> dict[str, pafs.FileType]:
    """What is in a folder, by name."""
    if folder.is_local:
        with os.scandir(folder.path) as entries:  # Arrow fails on the whole folder for one name that is not UTF-8
            return {entry.name: _kind(entry.path) for entry in entries}
    found = folder.filesystem.get_file_info(pafs.FileSelector(folder.path, recursive=False))
    return {info.base_name: info.type for info in found}


def _kind(path: str) -> pafs.FileType:
    """A link that cannot be followed counts as a file: whoever reads it will say why."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return pafs.FileType.NotFound
    except OSError:
        return pafs.FileType.File
    if stat.S_ISDIR(mode):
        return pafs.FileType.Directory
    return pafs.FileType.File if stat.S_ISREG(mode) else pafs.FileType.Unknown


def _is_output(file_name: str) -> bool:
    """Return whether the name is that of an earlier run's output, or of what stands beside or in it."""
    if file_name == SUCCESS or file_name.endswith((REJECTS, RECEIPT, INCOMPLETE)):
        return True
    return is_known(file_name) and FileType.of(file_name).stem(file_name).endswith(SCORED)
