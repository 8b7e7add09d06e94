"""Measure one contender on one workload. Call through `process.in_subprocess`."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Classify, Layout, Setting
from benchmarks.contenders.roster import CONTENDERS
from sentiment_batch.hardware import peak_rss_bytes

_WARM_UP_ROWS = 32


@dataclass(frozen=True)
class Task:
    """What to measure.

    `texts`: a file with a JSON list of strings. `single_texts`: how many of them are also classified one by one.
    """

    contender: str
    setting: Setting
    layout: Layout
    texts: Path
    single_texts: int


@dataclass(frozen=True)
class Run:
    """What one process measured.

    `first_result_seconds`: counted from the start of the process. `single_text_seconds`: one for each text that was
    classified alone. `tokens`: those that must be read, counting identical texts once. `padding`: its fraction of the
    computed tokens.
    """

    labels: list[str]
    rows_per_second: float
    load_seconds: float
    first_result_seconds: float
    single_text_seconds: list[float]
    peak_rss_bytes: int
    tokens: int
    padding: float


def prepare(contender: str, setting: Setting) -> None:
    CONTENDERS[contender].prepare(setting)


def measure(task: Task, started: float) -> Run:
    """Load, classify everything, then single texts; `started` is the process's start by the monotonic clock."""
    rows: list[str] = json.loads(task.texts.read_text("utf-8"))
    loading = time.perf_counter()
    classify = CONTENDERS[task.contender].load(task.setting, task.layout)
    loaded = time.perf_counter()
    classify(rows[:1])
    first_result = time.monotonic() - started
    classify(rows[:_WARM_UP_ROWS])
    begun = time.perf_counter()
    labels = classify(rows)
    seconds = time.perf_counter() - begun
    singles = _latencies(classify, rows, task.single_texts)
    peak = peak_rss_bytes()
    tokens, padding = _count_tokens(task, rows)
    return Run(labels, len(rows) / seconds, loaded - loading, first_result, singles, peak, tokens, padding)


def _latencies(classify: Classify, rows: Sequence[str], count: int) -> list[float]:
    """Return the seconds for one text, for `count` evenly spaced texts."""
    seconds = []
    for text in rows[:: max(1, len(rows) // count)][:count]:
        begun = time.perf_counter()
        classify([text])
        seconds.append(time.perf_counter() - begun)
    return seconds


def _count_tokens(task: Task, rows: Sequence[str]) -> tuple[int, float]:
    from benchmarks.contenders.tokens import encoder

    sequences = encoder(task.setting)(rows)
    lengths = [len(sequence) for sequence in sequences]
    batches = CONTENDERS[task.contender].batches(rows, lengths, task.layout)
    computed = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    return sum(map(len, set(map(tuple, sequences)))), 1 - sum(lengths) / computed
