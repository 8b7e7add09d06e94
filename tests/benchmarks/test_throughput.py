"""Throughput: how figures are compared, and the command on a tiny model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report import Spread
from benchmarks.throughput import Comparison, Entry, Outcome

Bench = Callable[..., dict[str, Any]]


def outcome(contender: str, batch_size: int | None, rates: list[float], labels: str) -> Outcome:
    runs = [{"rows_per_second": rate, "load_seconds": 1, "peak_rss_bytes": 1, "labels": list(labels)} for rate in rates]
    return Outcome.of("short", Entry(contender, batch_size), runs)


def test_spread_is_the_median_with_its_range() -> None:
    """Of several runs the middle one counts, and the extremes are told."""
    assert Spread.of([5.0, 1.0, 2.0]) == Spread(median=2.0, low=1.0, high=5.0)
    assert Spread.of([5e6, 1e6, 2e6]).show(1, 1e6) == "2.0 (1.0–5.0)"


def test_comparison_is_with_the_best_batch_size() -> None:
    """The ratio is that of the medians, and the pipeline's rival is its best batch size by its median."""
    comparison = Comparison.of(
        [
            outcome("pipeline", 1, [10, 20, 900], "abcd"),
            outcome("pipeline", 8, [50, 40, 60], "abca"),
            outcome("scorer", None, [400, 100, 200], "abcc"),
        ]
    )
    assert comparison == Comparison("short", best_batch_size=8, ratio=4.0, agreement=0.75)


def test_command(bench: Bench, tiny_checkpoint: Path, tiny_bundle: Path, data_folder: Path) -> None:
    """Both contenders are measured, and the ratio follows from their medians."""
    models = (f"--checkpoint={tiny_checkpoint}", f"--bundle={tiny_bundle}")
    facts = bench("throughput", *models, f"--data-folder={data_folder}", "--rows=8", "--only=short")
    assert [(workload["name"], workload["rows"]) for workload in facts["workloads"]] == [("short", 8)]
    assert facts["threads"] >= 1
    assert facts["machine"]["versions"]["onnxruntime"]
    rates = {(o["contender"], o["batch_size"]): o["rows_per_second"]["median"] for o in facts["outcomes"]}
    assert set(rates) == {("pipeline", 1), ("pipeline", 8), ("pipeline", 32), ("scorer", None)}
    (comparison,) = facts["comparisons"]
    best = max(rate for (contender, _), rate in rates.items() if contender == "pipeline")
    assert rates["pipeline", comparison["best_batch_size"]] == best
    assert comparison["ratio"] == pytest.approx(rates["scorer", None] / best)
    assert 0 <= comparison["agreement"] <= 1
    assert all(o["peak_rss_bytes"]["low"] > 2**20 and o["load_seconds"]["low"] > 0 for o in facts["outcomes"])
