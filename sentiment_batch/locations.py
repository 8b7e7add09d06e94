"""Where files are: local paths and pyarrow file-system URIs (`s3://`, `gs://`, `file://`) behind one class."""

import errno
import hashlib
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.fs as pafs

from sentiment_batch.errors import InputOutputError, UsageError, first_line
from sentiment_batch.formats import FileType, require_utf8

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
            return cls(pafs.LocalFileSystem(), require_utf8(os.path.abspath(name)), name)
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
        """Where the predictions for this file or data set go by default: `reviews.csv.gz` → `reviews.scored.csv.gz`."""
        stem = FileType.of(self.file_name).stem(self.file_name)
        file_name = stem + SCORED + self.file_name.removeprefix(stem)
        return self._edited(lambda path: path.rstrip("/").removesuffix(self.file_name) + file_name)

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
