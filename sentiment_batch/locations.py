"""Where files are: local paths and pyarrow file-system URIs (`s3://`, `gs://`, `file://`) behind one class."""

import errno
import fnmatch
import glob
import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.fs as pafs

from sentiment_batch.errors import InputOutputError, NoInputError, UsageError, first_line
from sentiment_batch.formats import FileType, is_known

STANDARD_STREAM = "-"
SCORED = ".scored"
REJECTS = ".rejects.jsonl"
SUCCESS = "_SUCCESS"
# In the place of a host, anything behind a colon that is no port.
_SECRET = re.compile(r"(?P<scheme>[^:/?#]+)://[^/?#]*:(?!\d+(?:[/?#]|$))")
_PLAIN_IN_URIS = "/!$&'()*+,;=:@"


@dataclass(frozen=True)
class Location:
    """A file or folder: `path` on `filesystem`, and `name` as the user wrote it; `-` is a standard stream."""

    filesystem: pafs.FileSystem
    path: str
    name: str

    @classmethod
    def parse(cls, name: str) -> "Location":
        """Parse a path, a URI or `-`.

        Raises UsageError for an empty name, an invalid URI, one with a secret key, or a path that is not UTF-8,
        InputOutputError for a file system that does not answer.
        """
        if name == STANDARD_STREAM:
            return cls(pafs.LocalFileSystem(), name, name)
        if not name:
            raise UsageError("a name is empty: is a shell variable unset?")
        if "://" not in name:
            return cls(pafs.LocalFileSystem(), _utf8(os.path.abspath(name)), name)
        if secret := _SECRET.match(name):
            raise UsageError(
                f"{secret['scheme']}://…: names are logged and kept in receipts, so no secret key belongs in one: "
                "leave it to the environment, such as AWS_SECRET_ACCESS_KEY"
            )
        try:
            filesystem, path = pafs.FileSystem.from_uri(name)
        except OSError as error:
            raise InputOutputError(f"{name}: {first_line(error)}") from error
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UsageError(f"{name}: {first_line(error)}") from error
        if "//" in path and not isinstance(filesystem, pafs.LocalFileSystem):
            raise UsageError(f"{name}: a folder without a name, between two slashes: write one slash")
        return cls(filesystem, path, name)

    @property
    def is_standard_stream(self) -> bool:
        return self.path == STANDARD_STREAM

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, pafs.LocalFileSystem)

    @property
    def file_name(self) -> str:
        return PurePosixPath(self.path).name

    def real_path(self) -> str:
        """Return the path, with links resolved if it is local: paths of the same file are equal."""
        return os.path.realpath(self.path) if self.is_local and not self.is_standard_stream else self.path

    def kind(self) -> pafs.FileType:
        """Return File, Directory, NotFound, or Unknown (device or pipe); raises InputOutputError without an answer."""
        return self.info().type

    def info(self) -> pafs.FileInfo:
        """Kind, size in bytes and time of the last change; raises InputOutputError without an answer."""
        try:
            return self.filesystem.get_file_info(self.path)
        except OSError as error:
            raise InputOutputError(f"{self.name}: {first_line(error)}") from error

    def is_nowhere(self) -> bool:
        """Whether it is in a bucket that does not exist, as far as the store tells."""
        if self.filesystem.type_name not in {"s3", "gcs"}:
            return False
        try:
            return bool(self.filesystem.get_file_info(self.path.partition("/")[0]).type == pafs.FileType.NotFound)
        except OSError:  # who may write into a bucket need not be allowed to ask about it
            return False

    def open(self) -> BinaryIO:
        """Open the file for its raw bytes, without decompression; raises OSError."""
        return cast(BinaryIO, self.filesystem.open_input_file(self.path))

    def size(self) -> int:
        """Return the size in bytes; raises OSError, also if there is no such file."""
        info = self.filesystem.get_file_info(self.path)
        if info.type != pafs.FileType.File:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.name)
        return int(info.size)

    def sha256(self) -> str:
        """The sha256 of the file's bytes, in hexadecimal; raises OSError."""
        with self.open() as stream:
            return hashlib.file_digest(cast(io.RawIOBase, stream), "sha256").hexdigest()

    def remove(self) -> None:
        """Remove the file, if it is there; raises OSError."""
        if self.kind() == pafs.FileType.File:
            self.filesystem.delete_file(self.path)

    def beside(self, suffix: str) -> "Location":
        """Return the location with `suffix` appended to its name."""
        return self._edited(lambda path: f"{path.rstrip('/')}{suffix}")

    def child(self, file_name: str) -> "Location":
        """A file in this folder."""
        return self._edited(lambda path: f"{path.rstrip('/')}/{file_name}")

    def parent(self) -> "Location":
        folder = self._edited(lambda path: path.rstrip("/").removesuffix(self.file_name) or ".")
        return replace(folder, path=str(PurePosixPath(self.path).parent))

    def scored(self) -> "Location":
        """Where the predictions for this file go by default: `reviews.csv.gz` → `reviews.scored.csv.gz`."""
        stem = FileType.of(self.file_name).stem(self.file_name)
        file_name = stem + SCORED + self.file_name.removeprefix(stem)
        return self._edited(lambda path: path.removesuffix(self.file_name) + file_name)

    def _edited(self, edit: Callable[[str], str]) -> "Location":
        """The location of another path, made from this one; its name is made likewise, and can be parsed too."""
        name = edit(plain_name(self.name))
        if "://" in self.name:
            _, mark, options = self.name.partition("?")
            name = quote(name, safe=_PLAIN_IN_URIS) + mark + options
        return Location(self.filesystem, edit(self.path), name)


def plain_name(name: str) -> str:
    """Without what a URI adds to it: %20 and the like, and options of the store behind a question mark."""
    return unquote(name.partition("?")[0]) if "://" in name else name


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
        listed = _listed(folder) if folder.kind() == pafs.FileType.Directory else {}
        return _files_of(folder, {name: listed[name] for name in fnmatch.filter(listed, pattern.file_name)})
    found = []
    for match in sorted(glob.glob(pattern.name, recursive=True)):
        name, is_folder = os.path.basename(match), _is_folder(match)
        if is_folder and is_known(name) and not _is_output(name):
            found += _files_in(Location.parse(match))
        elif is_folder is False and not _is_output(name):
            found.append(Location.parse(match))
    return list({file.path: file for file in found}.values())  # `**` also matches the files in a folder


def _files_in(folder: Location) -> list[Location]:
    return _files_of(folder, _listed(folder))


def _files_of(folder: Location, names: Mapping[str, bool]) -> list[Location]:
    """The files to score among these, in order, without hidden ones, like `*` in a shell.

    True: it is a folder. If it is named like a file, as Spark names its outputs, the files in it are meant.
    """
    found = []
    for name in sorted(names):
        if is_known(name) and not name.startswith(".") and not _is_output(name):
            child = folder.child(_utf8(name))
            found += _files_in(child) if names[name] else [child]
    return found


def _listed(folder: Location) -> dict[str, bool]:
    """The names of the files and folders in a folder; True for folders."""
    if folder.is_local:
        with os.scandir(folder.path) as entries:  # Arrow fails on the whole folder for one name that is not UTF-8
            found = {entry.name: _is_folder(entry.path) for entry in entries}
        return {name: is_folder for name, is_folder in found.items() if is_folder is not None}
    listed = folder.filesystem.get_file_info(pafs.FileSelector(folder.path, recursive=False))
    return {info.base_name: info.type == pafs.FileType.Directory for info in listed}


def _is_folder(path: str) -> bool | None:
    """Whether there is a folder, and not a file; None for neither. A link that cannot be followed is a file.

    Whoever reads it will say why.
    """
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return None
    except OSError:
        return False
    return stat.S_ISDIR(mode) if stat.S_ISDIR(mode) or stat.S_ISREG(mode) else None


def _utf8(name: str) -> str:
    if name.isascii() or name.encode("utf-8", "replace").decode("utf-8") == name:
        return name
    raise UsageError(f"{name}: the name is not UTF-8: rename it")


def _is_output(file_name: str) -> bool:
    """Return whether the name is that of an earlier run's output."""
    if file_name.endswith(REJECTS):
        return True
    return is_known(file_name) and FileType.of(file_name).stem(file_name).endswith(SCORED)
