"""Which sequences run together: a pure function of their lengths.

On CPUs a batch holds sequences of one length only, so that it needs neither padding nor a mask: no token is computed
that is not asked for, and attention takes its fast path. GPUs want larger batches of fewer shapes: there, lengths are
rounded up, and the rest is padding.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sentiment_batch.arrays import IntegerArray


class Batch(NamedTuple):
    """Sequences, by their index, int64 [B], all of `length` tokens, padding included."""

    indices: IntegerArray
    length: int


def plan_batches(lengths: Sequence[int] | IntegerArray, batch_tokens: int, multiple: int = 1) -> list[Batch]:
    """Cut sequences into batches of at most `batch_tokens` tokens (a longer sequence is a batch of its own).

    Lengths are rounded up to a multiple of `multiple`, but not beyond the longest of them. The longest come first, so
    that the last batches, which run while some threads are already idle, are short ones.
    """
    exact = np.asarray(lengths, dtype=np.int64)
    sizes = np.minimum(-(-exact // multiple) * multiple, exact.max(initial=0))
    order = np.argsort(-sizes, kind="stable")
    edges = np.flatnonzero(np.diff(sizes[order])) + 1
    batches: list[Batch] = []
    for group in np.split(order, edges) if len(order) else []:
        length = int(sizes[group[0]])
        rows = max(1, batch_tokens // length)
        batches.extend(Batch(group[start : start + rows], length) for start in range(0, len(group), rows))
    return batches
