"""What this machine offers: usable cores, CPU features, address space and memory."""

import math
import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from operator import truediv
from pathlib import Path, PurePosixPath

from sentiment_batch.errors import ConfigurationError

# CPU flags that determine the speed of 8-bit and 16-bit products.
SIMD_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")

# Most of the address space that the libraries take is only reserved: 1 GiB by pyarrow's allocator, 64 MiB per thread by
# the C library. With the embedded model, the total is 2.2 GB on one thread and 2.7 GB on eight.
_ADDRESS_SPACE_BYTES = 2700 * 10**6
_ADDRESS_SPACE_BYTES_PER_THREAD = 75 * 10**6


@dataclass(frozen=True)
class Cores:
    """How many cores this process may use, and what limits the number."""

    count: int
    origin: str


def usable_cores(cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> Cores:
    """Return the smaller of the CPU affinity and the cgroup CPU quota, rounded down; at least one."""
    affinity = len(os.sched_getaffinity(0))
    # Of version 2 there is one hierarchy, `0::/own`; of version 1 one per controller, `4:cpu,cpuacct:/own`.
    own = {"": "/"} | {
        name: group
        for _, names, group in (line.split(":", 2) for line in _lines(membership))
        for name in names.split(",")
    }
    # A container usually sees its own cgroup as the root; that of a systemd unit is below it, and its parents may allow
    # less.
    quota = min(
        _quota(cgroup)
        for root, controller in ((cgroups, ""), (cgroups / "cpu", "cpu"))
        for cgroup in accumulate(PurePosixPath(own.get(controller, "/")).parts[1:], truediv, initial=root)
    )
    if quota < affinity:
        return Cores(max(1, int(quota)), "cgroup CPU quota")
    return Cores(affinity, "CPU affinity")


def _quota(cgroup: Path) -> float:
    """Return the quota in cores; infinite if there is none."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError, ValueError):  # no such file, or "max"
            quota, period = map(int, " ".join((cgroup / name).read_text("ascii") for name in names).split())
            return quota / period if quota > 0 else math.inf
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
    """Describe how a processor with these flags computes the 8-bit products of a model, and how fast that is."""
    if "amx_int8" in flags:
        return "tiles (AMX): fastest"
    if flags & {"avx512_vnni", "avx_vnni"}:
        return "one instruction (VNNI): fast"
    if "avx2" in flags:
        return "three instructions (no VNNI): slower, but as exact"
    return "no instructions that Linux reports: not measured"


def peak_rss_bytes(status: Path = Path("/proc/self/status")) -> int:
    """Return the most resident memory that this process has held.

    If the kernel's status file does not tell, this includes what the process held before `exec`.
    """
    for line in _lines(status):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _lines(path: Path) -> list[str]:
    """Return the lines of a status file of Linux; none if it cannot be read."""
    try:
        return path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
