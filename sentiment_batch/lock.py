"""One run at a time for an output, by a lock of the kernel's: it ends with the process, however that ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock


def lock_path(base: Path) -> Path:
    return base.with_name(f".{base.name}.lock")


@contextmanager
def locked(base: Path) -> Iterator[None]:
    """Hold the lock for the output at `base`; raises filelock.Timeout if another process does."""
    path = lock_path(base)
    lock = filelock.FileLock(path, timeout=0)
    lock.acquire()
    try:
        yield
    finally:
        # A file that stays holds nobody up.
        with suppress(OSError):
            # While it is still held: who opens the same path later gets a file of its own.
            path.unlink(missing_ok=True)
            lock.release()
