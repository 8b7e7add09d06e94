"""Profile where the model's time goes, by operator of its graph, with ONNX Runtime's profiler."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.process import in_subprocess
from benchmarks.report import Report, table
from benchmarks.workloads import Workload


@dataclass(frozen=True)
class Operator:
    """All nodes of one kind: how often they ran, and the seconds they took on all threads together."""

    name: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """Time by operator; `core_seconds` is the time of the run, times the cores that it may use."""

    operators: list[Operator]
    core_seconds: float

    @property
    def model_seconds(self) -> float:
        return sum(operator.seconds for operator in self.operators)


def profile(workload: Workload, bundle: Path | None) -> Report:
    """Profile one scoring of the workload with `bundle` (None: the embedded model), on all cores."""
    machine = describe()
    found = in_subprocess(measure, workload.texts, bundle)
    rows = [
        (f"`{o.name}`", f"{o.calls:,}", f"{o.seconds:.3f}", f"{o.seconds / found.core_seconds:.1%}")
        for o in found.operators
    ]
    rest = found.core_seconds - found.model_seconds
    rows.append(("outside of the model", "", f"{rest:.3f}", f"{rest / found.core_seconds:.1%}"))
    figures = table(("operator", "calls", "seconds, all cores", "share"), rows)
    facts = {"machine": asdict(machine), "workload": workload.facts(), **asdict(found)}
    return Report("\n\n".join((machine.markdown(), workload.markdown(), figures)), facts)


def measure(texts: Sequence[str], bundle: Path | None) -> Profile:
    """Score with the profiler on. Its overhead makes this unfit for measuring rates."""
    from sentiment_batch.scoring import Scorer, ScoringOptions
    from sentiment_batch.session import Device

    with tempfile.TemporaryDirectory() as name:
        with _profiling(Path(name, "events")), Scorer.load(bundle, ScoringOptions(Device.CPU)) as scorer:
            begun = time.perf_counter()
            scorer.score(texts)
            core_seconds = (time.perf_counter() - begun) * scorer.threads
        # The profiler writes its file when the session is destroyed.
        del scorer
        (file,) = Path(name).iterdir()
        nodes = [event for event in json.loads(file.read_text("utf-8")) if event["cat"] == "Node"]
    calls, microseconds = Counter[str](), Counter[str]()
    for node in nodes:
        calls[node["args"]["op_name"]] += 1
        microseconds[node["args"]["op_name"]] += node["dur"]
    operators = [Operator(name, calls[name], total / 1e6) for name, total in microseconds.most_common()]
    return Profile(operators, core_seconds)


@contextmanager
def _profiling(prefix: Path) -> Iterator[None]:
    """Enable profiling in sessions opened within the block: the worker's, with whatever options it sets."""
    import onnxruntime

    options = onnxruntime.SessionOptions

    def profiled() -> onnxruntime.SessionOptions:
        created = options()
        created.enable_profiling = True
        created.profile_file_prefix = str(prefix)
        return created

    onnxruntime.SessionOptions = profiled
    try:
        yield
    finally:
        onnxruntime.SessionOptions = options
