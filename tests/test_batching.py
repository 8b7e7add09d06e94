"""Lengths to batches."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.batching import plan_batches

LENGTHS = st.lists(st.integers(1, 40), max_size=200)
BUDGET = st.integers(1, 200)


@given(LENGTHS, BUDGET)
def test_every_sequence_once(lengths: list[int], budget: int) -> None:
    """Every sequence is in exactly one batch."""
    indices = [int(i) for batch in plan_batches(lengths, budget) for i in batch.indices]
    assert sorted(indices) == list(range(len(lengths)))


@given(LENGTHS, BUDGET)
def test_equal_lengths(lengths: list[int], budget: int) -> None:
    """All sequences of a batch have the length that it states, so that nothing is padded."""
    for batch in plan_batches(lengths, budget):
        assert {lengths[i] for i in batch.indices} == {batch.length}


@given(LENGTHS, BUDGET)
def test_budget(lengths: list[int], budget: int) -> None:
    """A batch keeps to the budget, unless it is a single sequence that exceeds it."""
    for batch in plan_batches(lengths, budget):
        assert len(batch.indices) * batch.length <= budget or len(batch.indices) == 1


@given(LENGTHS, BUDGET)
def test_full_batches(lengths: list[int], budget: int) -> None:
    """Only the last batch of a length has room for one more sequence."""
    for batch, following in pairwise(plan_batches(lengths, budget)):
        if batch.length == following.length:
            assert (len(batch.indices) + 1) * batch.length > budget


@given(LENGTHS, BUDGET)
def test_longest_first(lengths: list[int], budget: int) -> None:
    """Longer batches come before shorter ones, and sequences of one length keep their order."""
    batches = plan_batches(lengths, budget)
    order = [(-batch.length, int(i)) for batch in batches for i in batch.indices]
    assert order == sorted(order)


def test_worked_example() -> None:
    """Three sequences of 3 tokens and one of 9, at most 6 tokens at a time."""
    batches = plan_batches([3, 9, 3, 3], 6)
    assert [(batch.indices.tolist(), batch.length) for batch in batches] == [([1], 9), ([0, 2], 3), ([3], 3)]


def test_nothing() -> None:
    """No sequences make no batches."""
    assert plan_batches([], 1024) == []
