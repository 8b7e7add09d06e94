"""Control groups with a memory limit."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

_ROOT = Path("/sys/fs/cgroup")


@contextmanager
def memory_limit(size: int) -> Iterator[Callable[[], None]]:
    """Yield what a child calls so that it is killed when it takes more than `size` bytes; raises OSError."""
    parent, limit, swap = _control()
    group = parent / f"sentiment-batch-{uuid4().hex}"

    def enter() -> None:
        (group / "cgroup.procs").write_text("0")

    group.mkdir()
    try:
        (group / limit).write_text(str(size))
        if (group / swap).exists():
            (group / swap).write_text("0" if swap == "memory.swap.max" else str(size))
        yield enter
    finally:
        group.rmdir()


def _control() -> tuple[Path, str, str]:
    """Return the group to make others in, and the names of its limits on memory, and on swap (or both together)."""
    if (_ROOT / "cgroup.controllers").exists():
        return _ROOT, "memory.max", "memory.swap.max"
    own = re.search("^[0-9]+:memory:/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    # Version 1: inside this process's own group, whose limit still applies.
    return _ROOT / "memory" / (own[1] if own else ""), "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"


def _can_limit() -> bool:
    try:
        with memory_limit(2**30):
            return True
    except OSError:
        return False


needs_memory_limit = pytest.mark.skipif(not _can_limit(), reason="needs control groups with a limit to their memory")
