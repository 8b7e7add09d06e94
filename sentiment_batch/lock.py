"""Allow one run at a time per output, by a kernel lock that is released however the process ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock


def lock_path(base: Path) -> Path:
    return base.with_name(f".{base.name}.lock")


def require_unlocked(base: Path) -> None:
    """Raise filelock.Timeout if another process holds the lock for the output at `base`; leaves its file as it is."""
    path = lock_path(base)
    if path.exists():
        with filelock.FileLock(path, timeout=0):
            pass


@contextmanager
def locked(base: Path) -> Iterator[None]:
    """Hold the lock for the output at `base`; raises filelock.Timeout if another process does."""
    path = lock_path(base)
    lock = filelock.FileLock(path, timeout=0)
    lock.acquire()
    try:
        yield
    finally:
        # A leftover lock file blocks nobody.
        with suppress(OSError):
            # Removed while still held: whoever opens the same path later gets a new file.
            path.unlink(missing_ok=True)
            lock.release()
