"""The summary of a run, in numbers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment_batch.hardware import peak_rss_bytes
from sentiment_batch.jobs import Job
from sentiment_batch.journal import Tally
from sentiment_batch.scoring import Scorer


@dataclass
class Counts:
    """Progress over all jobs of a run; `resumed` are rows that an earlier process had already done."""

    tally: Tally = field(default_factory=Tally)
    resumed: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def padding_ratio(self) -> float:
        """The share of all computed tokens that was padding."""
        computed = self.tally.tokens + self.tally.padding_tokens
        return self.tally.padding_tokens / computed if computed else 0.0


def summarize(scorer: Scorer, counts: Counts, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the summary as one flat record; `output` is a list only if there are several."""
    outputs = [job.output.name for job in jobs]
    tally, seconds = counts.tally, counts.seconds
    return {
        "rows_in": tally.rows_in,
        **tally.rows,
        "tokens": tally.tokens,
        "distribution": tally.distribution.record(tally.tokens),
        "padding_ratio": counts.padding_ratio,
        "seconds": round(seconds, 3),
        "rows_per_second": round((tally.rows_in - counts.resumed) / seconds, 1),
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
