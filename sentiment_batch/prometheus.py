"""Metrics of the last run for Prometheus, in a file that node_exporter's textfile collector reads.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sentiment_batch.drift import Drift
from sentiment_batch.journal import Tally
from sentiment_batch.locations import Location
from sentiment_batch.publishing import publishing

_PREFIX = "sentiment_batch_"
_LAST_SUCCESS = "last_success_timestamp_seconds"

Samples = Mapping[tuple[tuple[str, str], ...], float]


@dataclass(frozen=True)
class RunMetrics:
    """Metrics of one run; `started` and `finished` are Unix times, `seconds` is its duration by a monotonic clock.

    `model_sha256` is None if the run did not get as far as the model, `drift` if it did not compare.
    """

    tally: Tally
    started: float
    finished: float
    seconds: float
    exit_code: int
    succeeded: bool
    model_sha256: str | None
    drift: Drift | None

    def text(self, last_success: float | None) -> str:
        """Return the metrics in Prometheus' text format; `last_success` is when an earlier run last succeeded."""
        if self.succeeded:
            last_success = self.finished
        return "".join(self._families(last_success))

    def _families(self, last_success: float | None) -> Iterator[str]:
        tally = self.tally
        outcomes = {"scored": tally.rows_scored, "unscorable": tally.rows_unscorable, "rejected": tally.rows_rejected}
        yield _family(
            "run_rows",
            "Rows of the last run by what became of them, with those of an interrupted run that it continued.",
            {(("outcome", outcome),): rows for outcome, rows in outcomes.items()},
        )
        yield _family("run_tokens", "Tokens read by the model in the last run.", {(): tally.tokens})
        yield _family("run_start_timestamp_seconds", "When the last run began.", {(): self.started})
        yield _family("run_finish_timestamp_seconds", "When the last run ended.", {(): self.finished})
        yield _family("run_duration_seconds", "How long the last run took.", {(): self.seconds})
        yield _family("run_exit_code", "Exit code of the last run.", {(): self.exit_code})
        if last_success is not None:
            yield _family(_LAST_SUCCESS, "When a run last ended well: with exit code 0 or 3.", {(): last_success})
        if self.model_sha256 is not None:
            info = (("sha256", self.model_sha256), ("version", version("sentiment-batch")))
            yield _family("model_info", "The model of the last run, and the version of the program.", {info: 1})
        if self.drift is not None:
            yield _family(
                "drift_stability_index",
                "Population stability index of the last run's predictions against an earlier run's.",
                {(("distribution", name),): index for name, index in self.drift.indices.items()},
            )


def write_metrics(path: Path, metrics: RunMetrics) -> None:
    """Replace the file at `path`, keeping its time of the last success; raises CannotWriteError."""
    with publishing(Location.parse(str(path))) as stream:
        stream.write(metrics.text(_last_success(path)).encode("utf-8"))


def _family(name: str, description: str, samples: Samples) -> str:
    """Format a metric and its samples. All are gauges: after the run, nothing is counted any further."""
    lines = [f"# HELP {_PREFIX}{name} {description}", f"# TYPE {_PREFIX}{name} gauge"]
    for labels, value in samples.items():
        listed = ",".join(f'{label}="{content}"' for label, content in labels)  # our own values: nothing to escape
        lines.append(f"{_PREFIX}{name}{f'{{{listed}}}' if listed else ''} {value}")
    return "".join(f"{line}\n" for line in lines)


def _last_success(path: Path) -> float | None:
    with suppress(OSError, ValueError):
        found = re.search(rf"^{_PREFIX}{_LAST_SUCCESS} (\S+)$", path.read_text("utf-8"), re.MULTILINE)
        return float(found[1]) if found else None
    return None
