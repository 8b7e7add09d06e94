"""What a run has done, so far and in the end, in numbers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment_batch.hardware import peak_rss_bytes
from sentiment_batch.jobs import Job
from sentiment_batch.journal import Tally
from sentiment_batch.scoring import Scorer


@dataclass
class Progress:
    """What a run has done so far, job after job; `resumed` are records that an earlier process had already done.

    `show` is told after each chunk how many more records are done, and how many there are in all, as far as is known:
    those of earlier jobs are among these, those of later ones are not known yet.
    """

    show: Callable[[int, int | None], None] = lambda records, total: None
    tally: Tally = field(default_factory=Tally)
    resumed: int = 0
    started: float = field(default_factory=time.perf_counter)
    _before: tuple[Tally, int] = (Tally(), 0)  # the job

    def begin_job(self) -> None:
        self._before = self.tally, self.resumed

    def add(self, tally: Tally, total: int | None, *, resumed: bool = False) -> None:
        """Count a chunk of the job, which has `total` records, as far as is known."""
        self.tally += tally
        self.resumed += tally.rows_in if resumed else 0
        before, _ = self._before
        self.show(tally.rows_in, None if total is None else before.rows_in + total)

    def drop_job(self) -> None:
        """Nothing of it is kept."""
        self.tally, self.resumed = self._before

    @property
    def records_of_job(self) -> int:
        """How many are done."""
        before, _ = self._before
        return self.tally.rows_in - before.rows_in

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def padding_ratio(self) -> float:
        """The share of all computed tokens that was padding."""
        computed = self.tally.tokens + self.tally.padding_tokens
        return self.tally.padding_tokens / computed if computed else 0.0


def summarize(scorer: Scorer, progress: Progress, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the summary as one flat record; `output` is a list only if there are several."""
    outputs = [job.output.name for job in jobs]
    tally, seconds = progress.tally, progress.seconds
    return {
        "rows_in": tally.rows_in,
        **tally.rows,
        "tokens": tally.tokens,
        "distribution": tally.distribution.record(tally.tokens),
        "padding_ratio": progress.padding_ratio,
        "seconds": round(seconds, 3),
        "rows_per_second": round((tally.rows_in - progress.resumed) / seconds, 1),
        "peak_rss_bytes": peak_rss_bytes(),
        **describe(scorer),
        "output": outputs[0] if len(outputs) == 1 else outputs,
    }


def describe(scorer: Scorer) -> dict[str, Any]:
    """Describe what did the scoring: the model, and where it ran."""
    return {
        "model": str(scorer.bundle.folder.resolve()),  # like the inputs, to be found again from anywhere
        "model_sha256": scorer.bundle.sha256,
        "engine": scorer.engine,
        "device": scorer.device.value,
        "provider": scorer.provider,
        "threads": scorer.threads,
    }
