"""Where files are: local paths and pyarrow file-system URIs (`s3://`, `gs://`, `file://`) behind one class."""

import errno
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.fs as pafs

from sentiment_batch.errors import InputOutputError, NoInputError, UsageError, first_line
from sentiment_batch.formats import FileType, is_known

STANDARD_STREAM = "-"
SCORED = ".scored"
REJECTS = ".rejects.jsonl"


@dataclass(frozen=True)
class Location:
    """A file or folder: `path` on `filesystem`, and `name` as the user wrote it; `-` is a standard stream."""

    filesystem: pafs.FileSystem
    path: str
    name: str

    @classmethod
    def parse(cls, name: str) -> "Location":
        """Raises UsageError for a URI that is none, InputOutputError for a file system that does not answer."""
        if name == STANDARD_STREAM:
            return cls(pafs.LocalFileSystem(), name, name)
        if "://" not in name:
            return cls(pafs.LocalFileSystem(), os.path.abspath(name), name)
        try:
            filesystem, path = pafs.FileSystem.from_uri(name)
        except OSError as error:
            raise InputOutputError(f"{name}: {first_line(error)}") from error
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UsageError(f"{name}: {first_line(error)}") from error
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
        """The path behind links, where there can be some: the same file has the same one."""
        return os.path.realpath(self.path) if self.is_local and not self.is_standard_stream else self.path

    def kind(self) -> pafs.FileType:
        """File, Directory, NotFound, or Unknown: a device or a pipe; raises InputOutputError if there is no answer."""
        try:
            return self.filesystem.get_file_info(self.path).type
        except OSError as error:
            raise InputOutputError(f"{self.name}: {first_line(error)}") from error

    def open(self) -> BinaryIO:
        """The file's bytes as they are, also of a compressed one; raises OSError."""
        return cast(BinaryIO, self.filesystem.open_input_file(self.path))

    def size(self) -> int:
        """In bytes; raises OSError, also if there is no such file."""
        info = self.filesystem.get_file_info(self.path)
        if info.type != pafs.FileType.File:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.name)
        return int(info.size)

    def beside(self, suffix: str) -> "Location":
        """The file or folder whose name has this suffix more."""
        return Location(self.filesystem, f"{self.path.rstrip('/')}{suffix}", f"{self.name.rstrip('/')}{suffix}")

    def child(self, file_name: str) -> "Location":
        """A file in this folder."""
        return Location(self.filesystem, f"{self.path.rstrip('/')}/{file_name}", f"{self.name.rstrip('/')}/{file_name}")

    def parent(self) -> "Location":
        name = self.name.rstrip("/").removesuffix(self.file_name)
        return Location(self.filesystem, str(PurePosixPath(self.path).parent), name or ".")

    def scored(self) -> "Location":
        """Where the predictions for this file go by default: `reviews.csv.gz` → `reviews.scored.csv.gz`."""
        suffixes = 2 if FileType.of(self.file_name).compression else 1
        stem, *rest = self.file_name.rsplit(".", suffixes)
        file_name = ".".join([stem + SCORED, *rest])
        path = str(PurePosixPath(self.path).with_name(file_name))
        return Location(self.filesystem, path, self.name.removesuffix(self.file_name) + file_name)


def expand_inputs(names: Sequence[str], *, may_be_empty: bool) -> list[Location]:
    """The files that INPUT arguments name: files, URIs, globs and folders; in order.

    A glob or folder leaves out what was written by earlier runs (`*.scored.*`, `*.rejects.jsonl`).

    Raises NoInputError for a name behind which there is nothing, unless it is that of a folder that `may_be_empty`;
    UsageError for what is neither file nor folder.
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
        selector = pafs.FileSelector(location.path, recursive=False)
        files = sorted(
            info.base_name
            for info in location.filesystem.get_file_info(selector)
            if info.type == pafs.FileType.File and is_known(info.base_name) and not _is_output(info.base_name)
        )
        if not files and not may_be_empty:
            raise NoInputError(f"{name}: no Parquet, CSV, TSV or JSONL file in this folder")
        return [location.child(file) for file in files]
    if location.is_local and "://" not in name and glob.has_magic(name):
        matches = [match for match in sorted(glob.glob(name, recursive=True)) if os.path.isfile(match)]
        matches = [match for match in matches if not _is_output(os.path.basename(match))]
        if matches:
            return [Location.parse(match) for match in matches]
        raise NoInputError(f"{name}: no file matches")
    raise NoInputError(f"{name}: no such file")


def _is_output(file_name: str) -> bool:
    return f"{SCORED}." in file_name or file_name.endswith(REJECTS)
