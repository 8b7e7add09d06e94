"""From INPUT arguments to the files that they name: files, URIs, globs and folders."""

import fnmatch
import glob
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.fs as pafs

from sentiment_batch.errors import NoInputError, UsageError
from sentiment_batch.formats import FileType, is_known, require_utf8
from sentiment_batch.locations import REJECTS, SCORED, Location


def expand_inputs(names: Sequence[str], *, may_be_empty: bool) -> list[Location]:
    """Return the files that INPUT arguments name, in order: files, URIs, globs and folders.

    Of the folders in a folder, or that a glob matches, only those count that are named like a file, as Spark's are.
    Globs and folders leave out what earlier runs wrote (`*.scored.csv` and the like, `*.rejects.jsonl`); folders leave
    out hidden files too.

    Raises NoInputError if a name leads to no file, unless it is a folder and `may_be_empty`; UsageError for what is
    neither file nor folder, and for a name that is empty or not UTF-8.
    """
    return [location for name in names for location in _expand(name, may_be_empty)]


def _expand(name: str, may_be_empty: bool) -> list[Location]:
    location = Location.parse(name)
    if location.is_standard_stream:
        return [location]
    kind = location.kind()
    if kind == pafs.FileType.File:
        return [location]
    if kind == pafs.FileType.Unknown:
        raise UsageError(f"{name} is a device or a pipe, not a file: pass it to stdin (-)")
    if kind == pafs.FileType.Directory:
        files = _files_in(location)
        if not files and not may_be_empty:
            raise NoInputError(f"{name}: no Parquet, CSV, TSV or JSONL file in this folder")
        return files
    if not glob.has_magic(location.path):
        raise NoInputError(f"{name}: no such file")
    matches = _matches(location)
    if not matches:
        raise NoInputError(f"{name}: no file matches")
    return matches


def _matches(pattern: Location) -> list[Location]:
    """Files whose paths match; of a URI, only the last part can be a pattern."""
    if "://" in pattern.name:
        folder = pattern.parent()
        kinds = _kinds_in(folder) if folder.kind() == pafs.FileType.Directory else {}
        return _files_of(folder, {name: kinds[name] for name in fnmatch.filter(kinds, pattern.file_name)})
    found = []
    for match in sorted(glob.glob(pattern.name, recursive=True)):
        name, kind = os.path.basename(match), _kind(match)
        if kind == pafs.FileType.Directory and is_known(name) and not _is_output(name):
            found += _files_in(Location.parse(match))
        elif kind == pafs.FileType.File and not _is_output(name):
            found.append(Location.parse(match))
    return list({file.path: file for file in found}.values())  # `**` also matches the files in a folder


def _files_in(folder: Location) -> list[Location]:
    return _files_of(folder, _kinds_in(folder))


def _files_of(folder: Location, kinds: Mapping[str, pafs.FileType]) -> list[Location]:
    """The files to score among these names, in order, without hidden ones, like `*` in a shell.

    Of a folder that is named like a file, as Spark names its outputs, the files in it are meant.
    """
    found = []
    for name in sorted(kinds):
        if is_known(name) and not name.startswith(".") and not _is_output(name):
            if kinds[name] == pafs.FileType.Directory:
                found += _files_in(folder.child(require_utf8(name)))
            elif kinds[name] == pafs.FileType.File:
                found.append(folder.child(require_utf8(name)))
    return found


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
    """Return whether the name is that of an earlier run's output."""
    if file_name.endswith(REJECTS):
        return True
    return is_known(file_name) and FileType.of(file_name).stem(file_name).endswith(SCORED)
