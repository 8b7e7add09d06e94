"""The order in which an epoch goes through the corpora."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_batch.training.encoded import MixedBatches

parts = st.lists(st.tuples(st.integers(1, 40), st.floats(0.1, 3)), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(parts, st.integers(1, 7), st.integers(0, 3))
def test_weights_change_the_mix(corpora: list[tuple[int, float]], batch_size: int, epoch: int) -> None:
    """An epoch shows each row of a corpus as often as its weight says, some of them once more."""
    sizes, weights = [size for size, _ in corpora], [weight for _, weight in corpora]
    lengths = np.random.default_rng(0).integers(1, 50, sum(sizes)).tolist()
    sampler = MixedBatches(lengths, sizes, weights, batch_size, seed=1)
    sampler.set_epoch(epoch)
    shown = Counter(sampler)
    assert sum(shown.values()) == len(sampler) == sum(round(size * weight) for size, weight in corpora)
    start = 0
    for size, weight in corpora:
        times = [shown[row] for row in range(start, start + size)]
        assert sum(times) == round(size * weight)
        assert max(times) - min(times) <= 1
        start += size


def test_a_fraction_is_drawn_anew() -> None:
    """Two epochs at a quarter show different rows, in an order set by epoch and seed alone."""
    epochs = []
    for epoch in (0, 1, 0):
        sampler = MixedBatches([5] * 400, [400], [0.25], batch_size=8, seed=3)
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert epochs[0] == epochs[2]
    assert len(epochs[0]) == 100
    assert len(set(epochs[0]) & set(epochs[1])) < 50


def test_batches_are_of_like_length() -> None:
    """The texts of a batch are of similar length, but the batches are not ordered by length."""
    lengths = np.random.default_rng(0).integers(1, 100, 1000)
    sampler = MixedBatches(lengths.tolist(), [1000], [1.0], batch_size=20, seed=0)
    batches = lengths[list(sampler)].reshape(-1, 20)
    spread = batches.max(axis=1) - batches.min(axis=1)
    assert spread.max() <= 5
    longest = batches.max(axis=1)[:-1]
    assert 0.3 < (np.diff(longest) > 0).mean() < 0.7
