"""What the machine offers."""

import os
from pathlib import Path

import pytest

from sentiment_batch.hardware import Cores, cpu_flags, int8_products, peak_rss_bytes, usable_cores

AFFINITY = Cores(len(os.sched_getaffinity(0)), "CPU affinity")
QUOTA = Cores(1, "cgroup CPU quota")


def cores(folder: Path, own: str | None, quotas: dict[str, str]) -> Cores:
    """Return the cores usable by a process in cgroup `own` (None: not reported), with these cpu.max `quotas`."""
    (folder / "root").mkdir(exist_ok=True)
    for cgroup, quota in quotas.items():
        (folder / "root" / cgroup).mkdir(parents=True, exist_ok=True)
        (folder / "root" / cgroup / "cpu.max").write_text(quota, "ascii")
    if own is not None:
        (folder / "membership").write_text(own, "ascii")
    return usable_cores(folder / "root", folder / "membership")


@pytest.mark.parametrize("own", [None, "0::/\n", "4:cpu,cpuacct:/a\n"])
@pytest.mark.parametrize("quota", [None, "max 100000\n", "", "100000000 100000\n"])
def test_affinity(tmp_path: Path, own: str | None, quota: str | None) -> None:
    """Without a quota, or with one above the affinity, the affinity counts."""
    assert cores(tmp_path, own, {} if quota is None else {"": quota}) == AFFINITY


def test_affinity_of_one_core(tmp_path: Path) -> None:
    """Cores that the process may not use are not counted."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert cores(tmp_path, None, {}).count == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("quota", ["10000 100000\n", "99999 100000\n"])
@pytest.mark.parametrize(
    ("own", "limited"),
    [
        (None, ""),
        ("0::/\n", ""),
        ("0::/a.slice/b.service\n", "a.slice/b.service"),
        ("1:name=systemd:/x\n0::/a.slice/b.service\n", "a.slice"),
        ("0::/a.slice/gone.service\n", "a.slice"),
    ],
    ids=["no cgroup file", "container", "unit", "slice of the unit", "cgroup out of sight"],
)
def test_quota(tmp_path: Path, own: str | None, limited: str, quota: str) -> None:
    """The lowest quota from the process's cgroup up to the root counts, rounded down but never to zero."""
    rest = dict.fromkeys(("", "a.slice", "a.slice/b.service"), "max 100000\n")
    assert cores(tmp_path, own, rest | {limited: quota}) == QUOTA


@pytest.mark.parametrize("own", [None, "3:cpuset:/x\n1:cpu,cpuacct:/a/b\n0::/\n", "1:cpu:/../gone\n"])
@pytest.mark.parametrize(("quota", "expected"), [("99999", QUOTA), ("-1", AFFINITY)])
def test_quota_of_version_1(tmp_path: Path, own: str | None, quota: str, expected: Cores) -> None:
    """The controller's own hierarchy counts as well as the one of version 2."""
    (tmp_path / "root/cpu/a").mkdir(parents=True)
    limited = tmp_path / "root/cpu/a" if own and "/a/b" in own else tmp_path / "root/cpu"
    (limited / "cpu.cfs_quota_us").write_text(f"{quota}\n", "ascii")
    (limited / "cpu.cfs_period_us").write_text("100000\n", "ascii")
    assert cores(tmp_path, own, {}) == expected


def test_quota_of_others(tmp_path: Path) -> None:
    """Limits on other cgroups do not limit this process."""
    less = "50000 100000\n"
    assert cores(tmp_path, "0::/a/b\n", {"a/b": "max 100000\n", "a/c": less, "a/b/d": less, "b": less}) == AFFINITY


def test_cpu_flags() -> None:
    """The flags are words that Linux reports."""
    assert cpu_flags() <= set(Path("/proc/cpuinfo").read_text("utf-8").split())
    assert "flags" not in cpu_flags()


@pytest.mark.parametrize(
    ("flags", "begins"),
    [
        ({"avx2", "avx512f", "avx512_vnni", "amx_int8"}, "tiles (AMX)"),
        ({"avx2", "avx_vnni"}, "one instruction (VNNI)"),
        ({"avx2", "avx512f", "avx512_vnni"}, "one instruction (VNNI)"),
        ({"avx2", "avx512f"}, "three instructions (no VNNI)"),
        (set(), "no instructions"),
    ],
)
def test_int8_products(flags: set[str], begins: str) -> None:
    """A processor is described by the best instruction it has."""
    assert int8_products(frozenset(flags)).startswith(begins)


def test_peak_memory(tmp_path: Path) -> None:
    """Peak memory is read from the status file, or found elsewhere if the kernel does not report it there."""
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmHWM:\t   20480 kB\n", "ascii")
    assert peak_rss_bytes(status) == 20 * 2**20
    assert peak_rss_bytes() > 2**20
    status.write_text("Name:\tpython\n", "ascii")
    assert peak_rss_bytes(status) > 2**20
