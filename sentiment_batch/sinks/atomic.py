"""Output that is there as a whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.fs as pafs

from sentiment_batch.durable import replacing
from sentiment_batch.errors import CannotWriteError, UsageError
from sentiment_batch.locations import Location, first_line


def require_writable(target: Location, *, force: bool) -> None:
    """Raise CannotWriteError if the target's folder is missing or the target is a link, or UsageError if it exists."""
    if target.is_standard_stream:
        return
    if target.is_local and target.parent().kind() != pafs.FileType.Directory:
        raise CannotWriteError(f"{target.name}: no folder {target.parent().name}: create it first")
    if target.is_local and Path(target.path).is_symlink():
        raise CannotWriteError(f"{target.name} is a symbolic link: name the file itself")
    kind = target.kind()
    if kind == pafs.FileType.Directory and target.is_local:
        raise CannotWriteError(f"{target.name} is a folder: name a file in it")
    if kind == pafs.FileType.Unknown:
        raise CannotWriteError(f"{target.name} is a device or a pipe, not a file: write to stdout (-o -)")
    if kind == pafs.FileType.File and not force:
        raise UsageError(f"{target.name} exists: choose another output, or replace it with --force")


@contextmanager
def atomic_output(target: Location) -> Iterator[BinaryIO]:
    """A stream whose bytes become `target` when the block ends well, and leave no trace when it does not.

    Raises CannotWriteError for what the file system refuses.
    """
    open_temporary = _local if target.is_local else _remote
    try:
        with open_temporary(target) as stream:
            yield stream
    except (OSError, pa.ArrowException) as error:
        raise CannotWriteError(f"{target.name}: {first_line(error)}") from error


@contextmanager
def _local(target: Location) -> Iterator[BinaryIO]:
    path = Path(target.path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    os.close(descriptor)
    with replacing(path, Path(temporary)) as stream:
        yield stream
        Path(temporary).chmod(0o666 & ~_umask())


@contextmanager
def _remote(target: Location) -> Iterator[BinaryIO]:
    parent, _, name = target.path.rpartition("/")
    temporary = f"{parent}/.{name}.partial"
    try:
        with target.filesystem.open_output_stream(temporary) as stream:
            yield cast(BinaryIO, stream)
        target.filesystem.move(temporary, target.path)
    except BaseException:
        with suppress(OSError):
            target.filesystem.delete_file(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
