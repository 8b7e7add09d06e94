"""Measure every contender on the same texts, each in a fresh process, taking turns."""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.contenders import Layout, Setting
from benchmarks.contenders.roster import CONTENDERS, OURS
from benchmarks.gemm import gemm_rate
from benchmarks.limit import Limit, projections
from benchmarks.machine import describe
from benchmarks.outcomes import Outcome, compare, highest_rate, reference_labels
from benchmarks.pictures import draw_throughput
from benchmarks.process import in_subprocess, report_progress
from benchmarks.report import Report
from benchmarks.standings import standings
from benchmarks.worker import Run, Task, measure, prepare
from benchmarks.workloads import Workload

# Time per turn for measuring the limit.
_LIMIT_SECONDS = 2.0


@dataclass(frozen=True)
class Plan:
    """What to measure, how often, and how many texts to classify one by one."""

    contenders: Sequence[str]
    workloads: Sequence[Workload]
    repeat: int
    single_texts: int


@dataclass
class _Race:
    """The runs so far; `left_out` says why a contender is not, or no longer, measured."""

    setting: Setting
    runs: dict[tuple[str, str, Layout], list[Run]] = field(default_factory=lambda: defaultdict(list))
    left_out: dict[str, str] = field(default_factory=dict)

    def attempt(self, contender: str, step: Callable[[], None]) -> None:
        """Run a step unless the contender is left out; if the step fails, leave it out."""
        if contender in self.left_out:
            return
        try:
            step()
        except Exception as error:  # libraries may raise anything
            self.left_out[contender] = f"{type(error).__name__}: {error}"
            report_progress(f"{CONTENDERS[contender].title}: {self.left_out[contender]}")

    def prepare(self, contender: str) -> None:
        if reason := CONTENDERS[contender].unavailable(self.setting):
            self.left_out[contender] = reason
            return
        report_progress(f"preparing: {CONTENDERS[contender].title}")
        self.attempt(contender, lambda: in_subprocess(prepare, contender, self.setting))

    def run(self, workload: str, task: Task, turn: str) -> None:
        run = in_subprocess(measure, task, time.monotonic())
        self.runs[workload, task.contender, task.layout].append(run)
        title = f"{CONTENDERS[task.contender].title}, {task.layout.title()}"
        report_progress(f"{turn} {workload}: {title}: {run.rows_per_second:,.1f} rows/s")

    def outcomes(self) -> list[Outcome]:
        complete = {key: runs for key, runs in self.runs.items() if key[1] not in self.left_out}
        labels = {(workload, contender): runs[-1].labels for (workload, contender, _), runs in complete.items()}
        return [Outcome.of(*key, runs, reference_labels(labels, key[0])) for key, runs in complete.items()]


def throughput(plan: Plan, setting: Setting, pictures: Path | None) -> Report:
    """Measure every contender in each of its layouts on every workload `repeat` times, and draw into `pictures`."""
    machine = describe()
    shapes = projections(setting.checkpoint / "config.json")
    race, gemm_rates = _Race(setting), []
    for contender in plan.contenders:
        race.prepare(contender)
    with tempfile.TemporaryDirectory() as name:
        for workload in plan.workloads:
            Path(name, workload.name).write_text(json.dumps(workload.texts), "utf-8")
        for turn in range(plan.repeat):
            gemm_rates.append(in_subprocess(gemm_rate, shapes, setting.threads, _LIMIT_SECONDS))
            for workload in plan.workloads:
                for contender in plan.contenders:
                    for layout in CONTENDERS[contender].layouts(setting.threads):
                        task = Task(contender, setting, layout, Path(name, workload.name), plan.single_texts)
                        step = f"{turn + 1}/{plan.repeat}"
                        race.attempt(contender, lambda: race.run(workload.name, task, step))  # noqa: B023
    outcomes = race.outcomes()
    if pictures is not None:
        in_subprocess(draw_throughput, outcomes, pictures)
    comparisons = compare(outcomes)
    limit = Limit.of(shapes, gemm_rates, _tokens_per_second(plan.workloads, outcomes))
    facts = {
        "machine": asdict(machine),
        "threads": setting.threads,
        "max_tokens": setting.max_tokens,
        "repeat": plan.repeat,
        "workloads": [workload.facts() for workload in plan.workloads],
        "outcomes": [outcome.facts() for outcome in outcomes],
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "limit": asdict(limit),
        "left_out": race.left_out,
    }
    described = "\n".join(workload.markdown() for workload in plan.workloads)
    sections = [machine.markdown(), described, *standings(outcomes, comparisons, limit, race.left_out)]
    return Report("\n\n".join(sections), facts)


def _tokens_per_second(workloads: Sequence[Workload], outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return this project's rate in tokens, by workload."""
    rates = {}
    for workload in workloads:
        if ours := highest_rate(outcomes, workload.name, OURS):
            rates[workload.name] = ours.rows_per_second.median * ours.tokens / len(workload.texts)
    return rates
