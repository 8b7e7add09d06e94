"""What the machine offers."""

import os
from pathlib import Path

import pytest

from sentiment_batch.hardware import Cores, cpu_flags, int8_products, usable_cores


@pytest.fixture
def quota_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cgroup's quota is read from during the test."""
    path = tmp_path / "cpu.max"
    monkeypatch.setattr("sentiment_batch.hardware._CGROUP_V2_QUOTA", path)
    return path


@pytest.mark.parametrize("content", [None, "max 100000\n", "", "100000000 100000\n"])
def test_affinity(quota_file: Path, content: str | None) -> None:
    """Without a quota, or with one larger than the affinity, the affinity counts."""
    if content is not None:
        quota_file.write_text(content, "ascii")
    assert usable_cores() == Cores(len(os.sched_getaffinity(0)), "CPU affinity")


def test_affinity_of_one_core(quota_file: Path) -> None:
    """Cores that the process may not use are not counted."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert usable_cores().count == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("quota", [10_000, 99_999])
def test_quota(quota_file: Path, quota: int) -> None:
    """A cgroup quota below the affinity counts, rounded down, but never to zero."""
    quota_file.write_text(f"{quota} 100000\n", "ascii")
    assert usable_cores() == Cores(1, "cgroup CPU quota")


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
    """The best instruction that a processor has is the one that counts."""
    assert int8_products(frozenset(flags)).startswith(begins)
