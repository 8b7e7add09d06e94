"""Write files that are complete or absent, even after a power failure.

The order is always the same: write, sync the file, rename, sync the folder. A failed sync is never retried: the kernel
may have dropped the pages that it could not write, and would report success.
"""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast


class DurableFile(io.FileIO):
    """A file that knows its expected length; it is written from the start or, in mode "ab", appended to.

    Only its owner may read it; once published, it gets the permissions of any new file.
    """

    def __init__(self, path: Path, mode: Literal["wb", "ab"]) -> None:
        super().__init__(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))
        self._length = self.tell()

    def write(self, content: Any) -> int:
        count = super().write(content)
        self._length += count
        return count

    def sync(self) -> None:
        """Sync what has been written; raises OSError, also if the file is not as long as what was written."""
        os.fsync(self.fileno())
        if os.fstat(self.fileno()).st_size != self._length:
            raise OSError(errno.EIO, "fewer bytes have arrived than were written")


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a stream to a new file, which is synced if the block succeeds; raises OSError."""
    with DurableFile(path, "wb") as raw:
        stream = io.BufferedWriter(raw)
        yield cast(BinaryIO, stream)
        stream.flush()
        raw.sync()
        stream.detach()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a stream whose bytes replace `path` if the block succeeds, and leave no trace otherwise.

    Raises OSError.
    """
    temporary = path.with_name(path.name + ".partial")
    try:
        with writing(temporary) as stream:
            yield stream
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def rename(source: Path, target: Path) -> None:
    """Durably rename a synced file to `target`, replacing it."""
    source.replace(target)
    sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Sync a file's content."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Sync the directory entries of a folder, where the file system knows how."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # folders shared with a virtual machine (vboxsf, 9p) have no such operation
            raise
    finally:
        os.close(descriptor)
