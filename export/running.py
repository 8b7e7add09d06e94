"""Graphs over token sequences: batches of equal length on every core."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sentiment_batch.arrays import FloatArray
from sentiment_batch.batching import Batch, plan_batches
from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.hardware import usable_cores
from sentiment_batch.session import Device, Session

_BATCH_TOKENS = 1024


def run_graph(graph: Path, sequences: Sequence[list[int]]) -> FloatArray:
    """Logits, float32 [N, K], of N ≥ 1 token sequences, on the CPU; raises SentimentBatchError if one is not finite."""
    batches, outputs = run_batches(graph, sequences)
    order = np.concatenate([batch.indices for batch in batches])
    logits = np.concatenate(outputs)
    failed = len(logits) - int(np.isfinite(logits).all(axis=1).sum())
    if failed:
        raise SentimentBatchError(
            f"{graph.name} gives no finite numbers for {failed:,} of {len(logits):,} texts: nothing was written; the "
            "checkpoint's weights are damaged, or too large for this precision"
        )
    return logits[np.argsort(order)]


def run_batches(graph: Path, sequences: Sequence[list[int]]) -> tuple[list[Batch], list[FloatArray]]:
    """The batches that N ≥ 1 sequences make, and the graph's first output for each."""
    session = Session(graph, Device.CPU)
    batches = plan_batches([len(sequence) for sequence in sequences], _BATCH_TOKENS)

    def run(batch: Batch) -> FloatArray:
        return session.run(np.array([sequences[i] for i in batch.indices], dtype=np.int64))

    with ThreadPoolExecutor(usable_cores().count) as pool:
        return batches, list(pool.map(run, batches))
