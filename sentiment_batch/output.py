"""Where the rows of a job go, and what stands there: a file, or a folder of parts; here or in an object store.

What is finished appears at once: by a rename here; in an object store, which shows an object when it is complete, by
an upload. The last file of a folder is `_SUCCESS`.
"""

import errno
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow.fs as pafs

from sentiment_batch.durable import rename, sync_folder, writing
from sentiment_batch.errors import CannotWriteError, first_line
from sentiment_batch.locations import REJECTS, Location
from sentiment_batch.overwriting import require_replaceable

RECEIPT = ".receipt.json"
INCOMPLETE = ".incomplete.json"
SUCCESS = "_SUCCESS"
# What a folder of rows holds, of ours as of other programs.
_OF_A_FOLDER = re.compile(r"\.?(_SUCCESS|part-.*)")


@dataclass(frozen=True)
class Output:
    """`in_new_folder`: the folder that it is in may have to be made first."""

    location: Location
    is_folder: bool = False
    in_new_folder: bool = False

    @classmethod
    def at(cls, location: Location) -> "Output":
        """A folder, if the name ends like one or if there is one."""
        if location.is_standard_stream:
            return cls(location)
        return cls(location, location.name.endswith("/") or location.kind() == pafs.FileType.Directory)

    @property
    def name(self) -> str:
        return self.location.name

    @property
    def receipt(self) -> Location:
        return self.location.beside(RECEIPT)

    @property
    def incomplete(self) -> Location:
        """In the receipt's place, where too many records were rejected."""
        return self.location.beside(INCOMPLETE)

    @property
    def rejects(self) -> Location:
        return self.location.beside(REJECTS)

    @property
    def base(self) -> Path:
        """The path on this machine beside which unfinished work is kept."""
        if self.location.is_local:
            return Path(self.location.path)
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sentiment-batch"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return state / hashlib.sha256(self.name.rstrip("/").encode("utf-8")).hexdigest()[:16]

    def require_writable(self, *, force: bool) -> None:
        """Raise CannotWriteError for what can never be an output, or UsageError for one that may not be replaced."""
        if self.location.is_standard_stream:
            return
        if self.location.is_local:
            parent = self.location.parent()
            made = parent.parent() if self.in_new_folder and parent.kind() == pafs.FileType.NotFound else parent
            if made.kind() != pafs.FileType.Directory:
                raise CannotWriteError(f"{self.name}: no folder {parent.name}: create it first")
            if Path(self.location.path).is_symlink():
                raise CannotWriteError(f"{self.name} is a symbolic link: name the file itself")
        kind = self.location.kind()
        if kind == pafs.FileType.Unknown:
            raise CannotWriteError(f"{self.name} is a device or a pipe, not a file: write to stdout (-o -)")
        if kind == pafs.FileType.File and self.is_folder:
            raise CannotWriteError(f"{self.name} is a file, not a folder: choose another output")
        entries = self._entries() if kind == pafs.FileType.Directory else []
        foreign = [entry.base_name for entry in entries if not _is_part(entry)]
        exists = kind == pafs.FileType.File or bool(entries)
        require_replaceable(self.name, exists=exists, foreign=foreign, force=force)

    def make_folder(self) -> None:
        """Make the folder that it is in, if that may have to be; raises CannotWriteError."""
        if self.in_new_folder and self.location.is_local:
            try:
                Path(self.location.path).parent.mkdir(exist_ok=True)
            except OSError as error:
                raise CannotWriteError(f"{self.location.parent().name}: {first_line(error)}") from error

    def files(self) -> list[Location]:
        """The output's files that are there; of a folder all, in the order of their names."""
        if not self.is_folder:
            return [self.location] if self.location.kind() == pafs.FileType.File else []
        return [self.location.child(entry.base_name) for entry in self._entries()]

    def _entries(self) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(self.location.path, allow_not_found=True)
        return sorted(self.location.filesystem.get_file_info(selector), key=lambda entry: entry.base_name)

    def publish(self, finished: Path) -> None:
        """Put a finished file or folder of this machine in the output's place; raises OSError."""
        publish(finished, self.location)

    def withdraw(self) -> None:
        """Remove what says that the output is done; raises OSError."""
        remove(self.receipt)
        remove(self.incomplete)
        if self.location.is_local:
            sync_folder(self.base.parent)

    def describe(self) -> dict[str, Any]:
        """Size in bytes and sha256, of a folder also those of its files; raises OSError."""
        files = [
            {"name": file.file_name, "bytes": file.size(), "sha256": sha256_of(file)}
            for file in (self.files() if self.is_folder else [self.location])
        ]
        if not self.is_folder:
            return files[0]
        # As `sha256sum * | sha256sum` prints it.
        listing = "".join(f"{file['sha256']}  {file['name']}\n" for file in files)
        return {
            "name": self.location.file_name,
            "bytes": sum(file["bytes"] for file in files),
            "sha256": hashlib.sha256(listing.encode("utf-8")).hexdigest(),
            "files": files,
        }


def publish(finished: Path, target: Location) -> None:
    """Put a finished file or folder, synced, in the place of `target`; raises OSError."""
    if not target.is_local:
        _upload(finished, target)
        return
    path = Path(target.path)
    for file in _tree(finished):
        file.chmod((0o777 if file.is_dir() else 0o666) & ~_umask())
    if finished.is_dir() and path.is_dir():
        replaced = finished.with_name("replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        path.rename(replaced)
    rename(finished, path)


@contextmanager
def publishing(target: Location) -> Iterator[BinaryIO]:
    """A stream whose bytes become `target`, a file of this machine, when the block ends well; else there is no trace.

    Raises CannotWriteError for what the file system refuses.
    """
    path = Path(target.path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with writing(partial) as stream:
            yield stream
        publish(partial, target)
    except OSError as error:
        raise CannotWriteError(f"{target.name}: {first_line(error)}") from error
    finally:
        with suppress(OSError):  # what could not be written may not be removable either
            partial.unlink(missing_ok=True)


def remove(target: Location) -> None:
    """Remove a file, if it is there; raises OSError."""
    if target.kind() == pafs.FileType.File:
        target.filesystem.delete_file(target.path)


def sha256_of(location: Location) -> str:
    with location.open() as stream:
        return hashlib.file_digest(cast(io.RawIOBase, stream), "sha256").hexdigest()


def _is_part(entry: pafs.FileInfo) -> bool:
    return entry.type == pafs.FileType.File and _OF_A_FOLDER.fullmatch(entry.base_name) is not None


def _upload(finished: Path, target: Location) -> None:
    store = target.filesystem
    if not finished.is_dir():
        _put(finished, target)
        return
    store.create_dir(target.path)
    store.delete_dir_contents(target.path)
    for file in sorted(finished.iterdir(), key=lambda file: (file.name == SUCCESS, file.name)):
        _put(file, target.child(file.name))


def _put(file: Path, target: Location) -> None:
    # Not through a stream of Python's: leaving its `with` block after an exception would complete a torn object.
    pafs.copy_files(str(file), target.path, pafs.LocalFileSystem(), target.filesystem)
    if target.size() != file.stat().st_size:
        raise OSError(errno.EIO, f"{target.name}: fewer bytes have arrived than were sent")


def _tree(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir():
        yield from path.iterdir()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
