"""Which sequences run together: a pure function of their lengths.

On CPUs a batch holds sequences of one length only, so that it needs neither padding nor a mask: no token is computed
that is not asked for, and attention takes its fast path. GPUs want larger batches of fewer shapes: there, lengths are
rounded up, and the rest is padding.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntegerArray = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """Sequences, by their index, int64 [B], all of `length` tokens, padding included."""

    indices: IntegerArray
    length: int


def plan_batches(lengths: Sequence[int], batch_tokens: int, multiple: int = 1) -> list[Batch]:
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


def pad(sequences: Sequence[Sequence[int]], length: int) -> tuple[IntegerArray, IntegerArray]:
    """Token ids and mask, int64 [B, length] each: a sequence and 1, then, on its right, padding and 0."""
    sizes = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    is_token = np.arange(length) < sizes[:, np.newaxis]
    input_ids = np.zeros(is_token.shape, dtype=np.int64)
    input_ids[is_token] = np.fromiter(chain.from_iterable(sequences), dtype=np.int64, count=int(sizes.sum()))
    return input_ids, is_token.astype(np.int64)
