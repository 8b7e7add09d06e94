"""Rows per second of each contender on the same texts, each in a fresh process, taking turns."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import Setting
from benchmarks.contenders.roster import CONTENDERS
from benchmarks.data import Workload
from benchmarks.machine import describe
from benchmarks.process import module, run, say
from benchmarks.report import MEGABYTE, Report, Spread, table

OURS = "scorer"
RIVAL = "pipeline"


@dataclass(frozen=True)
class Entry:
    """A contender with one of its batch sizes."""

    contender: str
    batch_size: int | None

    def title(self) -> str:
        title = CONTENDERS[self.contender].TITLE
        return title if self.batch_size is None else f"{title}, batch {self.batch_size}"

    def run(self, texts: Path, setting: Setting) -> dict[str, Any]:
        options = {name.replace("_", "-"): value for name, value in asdict(setting).items()} | {"texts": texts}
        if self.batch_size is not None:
            options["batch-size"] = self.batch_size
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return run(module("benchmarks.worker", self.contender, *arguments)).json()


ENTRIES = [Entry(name, size) for name, contender in CONTENDERS.items() for size in contender.BATCH_SIZES]


@dataclass(frozen=True)
class Outcome:
    """What the repeated runs of one entry on one workload gave. `labels` are those of the last run."""

    workload: str
    contender: str
    title: str
    batch_size: int | None
    rows_per_second: Spread
    load_seconds: Spread
    peak_rss_bytes: Spread
    labels: list[str]

    @classmethod
    def of(cls, workload: str, entry: Entry, runs: Sequence[dict[str, Any]]) -> "Outcome":
        rate, load, memory = (
            Spread.of(run[name] for run in runs) for name in ("rows_per_second", "load_seconds", "peak_rss_bytes")
        )
        return cls(workload, entry.contender, entry.title(), entry.batch_size, rate, load, memory, runs[-1]["labels"])


@dataclass(frozen=True)
class Comparison:
    """This project beside the best batch size of the pipeline on one workload; `agreement` is a share of labels."""

    workload: str
    best_batch_size: int | None
    ratio: float
    agreement: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Comparison":
        ours = next(outcome for outcome in outcomes if outcome.contender == OURS)
        best = max((o for o in outcomes if o.contender == RIVAL), key=lambda o: o.rows_per_second.median)
        same = sum(a == b for a, b in zip(ours.labels, best.labels, strict=True))
        ratio = ours.rows_per_second.median / best.rows_per_second.median
        return cls(ours.workload, best.batch_size, ratio, same / len(ours.labels))


def throughput(workloads: Sequence[Workload], setting: Setting, repeat: int) -> Report:
    """Measure every contender on every workload `repeat` times."""
    machine = describe()
    runs: dict[tuple[str, Entry], list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        files = {workload.name: Path(name, f"{workload.name}.json") for workload in workloads}
        for workload in workloads:
            files[workload.name].write_text(json.dumps(workload.texts), "utf-8")
        for turn in range(repeat):
            for workload in workloads:
                for entry in ENTRIES:
                    figures = entry.run(files[workload.name], setting)
                    runs[workload.name, entry].append(figures)
                    rate = figures["rows_per_second"]
                    say(f"{turn + 1}/{repeat} {workload.name}: {entry.title()}: {rate:,.1f} rows/s")
    outcomes = [Outcome.of(name, entry, figures) for (name, entry), figures in runs.items()]
    comparisons = [Comparison.of([o for o in outcomes if o.workload == w.name]) for w in workloads]
    facts = {
        "machine": asdict(machine),
        "threads": setting.threads,
        "max_tokens": setting.max_tokens,
        "workloads": [{"name": w.name, "origin": w.origin, "rows": len(w.texts)} for w in workloads],
        "outcomes": [{key: value for key, value in asdict(o).items() if key != "labels"} for o in outcomes],
        "comparisons": [asdict(comparison) for comparison in comparisons],
    }
    sections = [
        machine.markdown(),
        *map(_describe, workloads),
        _outcome_table(outcomes),
        _comparison_table(comparisons),
    ]
    return Report("\n\n".join(sections), facts)


def _describe(workload: Workload) -> str:
    words = sum(len(text.split()) for text in workload.texts) / len(workload.texts)
    return f"{workload.name}: {len(workload.texts):,} rows, {words:.0f} words each on average; {workload.origin}."


def _outcome_table(outcomes: Sequence[Outcome]) -> str:
    return table(
        ("contender", "workload", "rows/s", "load, s", "peak RSS, MB"),
        [
            (o.title, o.workload, o.rows_per_second.show(1), o.load_seconds.show(2), o.peak_rss_bytes.show(0, MEGABYTE))
            for o in outcomes
        ],
    )


def _comparison_table(comparisons: Sequence[Comparison]) -> str:
    return table(
        ("workload", "best batch size of the pipeline", "this project is faster by", "same label"),
        [(c.workload, str(c.best_batch_size), f"{c.ratio:.2f} ×", f"{c.agreement:.1%}") for c in comparisons],
    )
