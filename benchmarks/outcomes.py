"""The results of the contenders' repeated runs, and how this project compares."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.contenders import Layout
from benchmarks.contenders.roster import FLOAT, OURS
from benchmarks.report import Spread
from benchmarks.worker import Run

PERCENTILES = (50, 95, 99)

# Rivals, and how many times as fast as each this project should be, by workload.
RIVALS: dict[str, dict[str, float]] = {
    "pipeline-float32": {"short": 6.0, "long": 5.0},
    "ctranslate2": {"short": 1.2, "long": 1.5},
    "onnxruntime-int8": {"short": 1.15, "long": 1.4},
    "lab": {"short": 1.1, "long": 1.1},
}
# Fractions of the pipeline's time for one text.
LATENCY_RIVAL, LATENCY_TARGETS = "pipeline-float32", {"short": 0.2}


@dataclass(frozen=True)
class Outcome:
    """The repeated runs of a contender in one layout on one workload.

    `latencies`: seconds for one text, by percentile. `agreement`: the fraction of labels that equal the float model's,
    None without one. `labels`: those of the last run.
    """

    workload: str
    contender: str
    layout: Layout
    rows_per_second: Spread
    load_seconds: Spread
    first_result_seconds: Spread
    latencies: dict[int, Spread]
    peak_rss_bytes: Spread
    padding: float
    tokens: int
    labels: list[str]
    agreement: float | None

    @classmethod
    def of(
        cls, workload: str, contender: str, layout: Layout, runs: Sequence[Run], reference_labels: list[str] | None
    ) -> "Outcome":
        labels = runs[-1].labels
        return cls(
            workload,
            contender,
            layout,
            rows_per_second=Spread.of(run.rows_per_second for run in runs),
            load_seconds=Spread.of(run.load_seconds for run in runs),
            first_result_seconds=Spread.of(run.first_result_seconds for run in runs),
            latencies={p: Spread.of(percentile(run.single_text_seconds, p) for run in runs) for p in PERCENTILES},
            peak_rss_bytes=Spread.of(run.peak_rss_bytes for run in runs),
            padding=runs[-1].padding,
            tokens=runs[-1].tokens,
            labels=labels,
            agreement=None if reference_labels is None else share_of_equal(labels, reference_labels),
        )

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "labels"}


@dataclass(frozen=True)
class Comparison:
    """This project against one rival on one workload: the `ratio` of what is `measured`, and the target for it."""

    workload: str
    against: str
    measured: str
    layout: Layout
    ratio: float
    target: float | None


def compare(outcomes: Sequence[Outcome]) -> list[Comparison]:
    """Compare this project with each rival's best layout on each workload, by medians, if both were measured."""
    comparisons = []
    for workload in dict.fromkeys(outcome.workload for outcome in outcomes):
        ours = highest_rate(outcomes, workload, OURS)
        if ours is None:
            continue
        for rival, targets in RIVALS.items():
            if best := highest_rate(outcomes, workload, rival):
                ratio = ours.rows_per_second.median / best.rows_per_second.median
                comparisons.append(Comparison(workload, rival, "rows/s", best.layout, ratio, targets.get(workload)))
        mine, theirs = lowest_latency(outcomes, workload, OURS), lowest_latency(outcomes, workload, LATENCY_RIVAL)
        if mine and theirs:
            ratio = mine.latencies[50].median / theirs.latencies[50].median
            target = LATENCY_TARGETS.get(workload)
            comparisons.append(Comparison(workload, LATENCY_RIVAL, "p50 of one text", theirs.layout, ratio, target))
    return comparisons


def highest_rate(outcomes: Sequence[Outcome], workload: str, contender: str) -> Outcome | None:
    """Return the contender's layout with the most rows per second."""
    candidates = [o for o in outcomes if (o.workload, o.contender) == (workload, contender)]
    return max(candidates, key=lambda o: o.rows_per_second.median, default=None)


def lowest_latency(outcomes: Sequence[Outcome], workload: str, contender: str) -> Outcome | None:
    """Return the contender's layout with the least time for one text."""
    candidates = [o for o in outcomes if (o.workload, o.contender) == (workload, contender)]
    return min(candidates, key=lambda o: o.latencies[50].median, default=None)


def reference_labels(runs: dict[tuple[str, str], list[str]], workload: str) -> list[str] | None:
    """Return the float model's labels on a workload; `runs` holds labels by workload and contender."""
    return next((runs[workload, name] for name in FLOAT if (workload, name) in runs), None)


def share_of_equal(labels: Sequence[str], others: Sequence[str]) -> float:
    return statistics.fmean(a == b for a, b in zip(labels, others, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile by the nearest-rank method."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
