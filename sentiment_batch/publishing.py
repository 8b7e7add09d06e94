"""Finished files and folders published: put in their place, where each appears at once and complete.

Here that is a rename; in an object store, which shows an object when it is complete, an upload. The last file of a
folder is `_SUCCESS`.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow.fs as pafs

from sentiment_batch.durable import rename, sync_file, sync_folder, writing
from sentiment_batch.errors import CannotWriteError, first_line
from sentiment_batch.locations import SUCCESS, Location


def publish(finished: Path, target: Location) -> None:
    """Put a finished file or folder of this machine in the place of `target`; raises OSError."""
    if not target.is_local:
        _upload(finished, target)
        return
    path = Path(target.path)
    for file in (finished, *finished.rglob("*")):
        with suppress(OSError):  # a network share may have permissions, and an owner, of its own
            file.chmod((0o777 if file.is_dir() else 0o666) & ~_umask())
        (sync_folder if file.is_dir() else sync_file)(file)
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
