"""The commands that measure the whole process, on a stand-in model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.endtoend import Shares

Bench = Callable[..., dict[str, Any]]


def test_shares() -> None:
    """10 s for what the scorer alone does in 9 s is 0.9 of its rate; the start can be left out."""
    shares = Shares.of(rows=900, whole_seconds=10.0, start_seconds=1.0, own_rate=100.0)
    assert shares == Shares(whole=pytest.approx(0.9), without_start=pytest.approx(1.0))


def test_end_to_end(bench: Bench, tiny_bundle: Path, data_folder: Path) -> None:
    """The whole command and the scorer alone are timed on the same rows."""
    facts = bench("endtoend", f"--bundle={tiny_bundle}", f"--data-folder={data_folder}", "--rows=100")
    whole = 100 / facts["whole_seconds"]["median"] / facts["own_rows_per_second"]["median"]
    assert facts["rows"] == 100
    assert facts["shares"]["whole"] == pytest.approx(whole)
    assert facts["safety"] == pytest.approx(1 - facts["streamed_seconds"]["median"] / facts["whole_seconds"]["median"])


def test_memory(bench: Bench, tiny_bundle: Path, data_folder: Path) -> None:
    """The peaks of a small and a large file are compared, with a stand-in model made on the spot."""
    sizes = ("--rows", "50", "100", "--model-rows", "20")
    facts = bench("memory", *sizes, f"--bundle={tiny_bundle}", f"--data-folder={data_folder}")
    peaks = {size: spread["median"] for size, spread in facts["peak_rss_bytes"].items()}
    assert facts["rows"] == {"small": 50, "large": 100, "model": 20}
    assert facts["ratio"] == pytest.approx(peaks["large"] / peaks["small"])


def test_latency(bench: Bench, tiny_bundle: Path) -> None:
    """Both commands are timed."""
    facts = bench("latency", f"--bundle={tiny_bundle}")
    assert {title.split()[0] for title in facts["seconds"]} == {"predict", "--help"}
