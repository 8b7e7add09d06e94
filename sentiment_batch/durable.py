"""Files that are there as a whole or not at all, even after a loss of power.

The order is always the same: write, sync the file, rename, sync the folder. A sync that fails is never tried again:
the kernel may have dropped the pages that it could not write and would report success.
"""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast


class DurableFile(io.FileIO):
    """A file written from its start or, in mode "ab", from its end on; it knows how long it must have become.

    Nobody else may read it; what is to be published gets the permissions of any new file then.
    """

    def __init__(self, path: Path, mode: Literal["wb", "ab"]) -> None:
        super().__init__(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))
        self._length = self.tell()

    def write(self, content: Any) -> int:
        count = super().write(content)
        self._length += count
        return count

    def sync(self) -> None:
        """Make what has been written stay; raises OSError, also if the system took less than it said."""
        os.fsync(self.fileno())
        if os.fstat(self.fileno()).st_size != self._length:
            raise OSError(errno.EIO, "fewer bytes have arrived than were written")


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A stream to a new file, which is synced when the block ends well. Raises OSError."""
    with DurableFile(path, "wb") as raw:
        stream = io.BufferedWriter(raw)
        yield cast(BinaryIO, stream)
        stream.flush()
        raw.sync()
        stream.detach()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become `path` when the block ends well, and leave no trace when it does not.

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
    """Put a synced file in `target`'s place, for good."""
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in the folder stay."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
