"""What this machine offers: cores that may be used, and what its processor can do."""

import math
import os
import resource
from dataclasses import dataclass
from itertools import accumulate
from operator import truediv
from pathlib import Path, PurePosixPath

from sentiment_batch.errors import ConfigurationError

# Of a processor's flags, those that say how fast 8-bit and 16-bit products are.
TELLING_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")

# Most of what the libraries take are addresses that they only reserve: pyarrow's allocator 1 GiB, the C library 64 MiB
# for each thread. With the embedded model it is 2.2 GB on one thread, 2.7 GB on eight.
_ADDRESS_SPACE_BYTES = 2700 * 10**6
_ADDRESS_SPACE_BYTES_PER_THREAD = 75 * 10**6


@dataclass(frozen=True)
class Cores:
    """How many cores this process may use, and what set the number."""

    count: int
    origin: str


def usable_cores(cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> Cores:
    """The smaller of the CPU affinity and the CPU quota of the cgroup (v2), rounded down; at least one."""
    affinity = len(os.sched_getaffinity(0))
    # In a container its own cgroup is mostly the root; a systemd unit's is below it, and may be in one with less.
    own = next((line.removeprefix("0::") for line in _lines(membership) if line.startswith("0::")), "/")
    quota = min(map(_quota, accumulate(PurePosixPath(own).parts[1:], truediv, initial=cgroups)))
    if quota < affinity:
        return Cores(max(1, int(quota)), "cgroup CPU quota")
    return Cores(affinity, "CPU affinity")


def _quota(cgroup: Path) -> float:
    """In cores; infinite where there is none."""
    try:
        quota, period = (cgroup / "cpu.max").read_text("ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):  # no such file, or "max"
        return math.inf


def require_address_space(threads: int) -> None:
    """Raise ConfigurationError if `ulimit -v` leaves less than the libraries need: they abort when they run out."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = _ADDRESS_SPACE_BYTES + threads * _ADDRESS_SPACE_BYTES_PER_THREAD
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise ConfigurationError(
            f"the address space is limited to {limit / 1e6:,.0f} MB, --threads {threads} needs {needed / 1e6:,.0f} MB: "
            "raise it (ulimit -v), lower --threads, or limit the memory by a cgroup instead"
        )


def cpu_flags() -> frozenset[str]:
    """The feature flags that Linux reports for the processor, such as `avx512_vnni`; empty where it reports none."""
    lines = _lines(Path("/proc/cpuinfo"))
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def int8_products(flags: frozenset[str]) -> str:
    """What a processor with those flags does with the 8-bit products of a model, and so what to expect of it."""
    if "amx_int8" in flags:
        return "tiles (AMX): fastest"
    if flags & {"avx512_vnni", "avx_vnni"}:
        return "one instruction (VNNI): fast"
    if "avx2" in flags:
        return "three instructions (no VNNI): slower, and as exact"
    return "no instructions that Linux tells of: not measured"


def peak_rss_bytes(status: Path = Path("/proc/self/status")) -> int:
    """The most resident memory that this process has held.

    Where the kernel's status file does not tell, what it held before it became this program counts too.
    """
    for line in _lines(status):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _lines(path: Path) -> list[str]:
    """Of a file in which Linux tells something; none where it is not there."""
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
