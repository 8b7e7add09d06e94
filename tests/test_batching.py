"""From lengths to batches."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.batching import plan_batches

LENGTHS = st.lists(st.integers(1, 40), max_size=200)
BUDGET = st.integers(1, 200)
MULTIPLE = st.integers(1, 16)


@given(LENGTHS, BUDGET, MULTIPLE)
def test_every_sequence_once(lengths: list[int], budget: int, multiple: int) -> None:
    """Every sequence is in exactly one batch."""
    indices = [int(i) for batch in plan_batches(lengths, budget, multiple) for i in batch.indices]
    assert sorted(indices) == list(range(len(lengths)))


@given(LENGTHS, BUDGET)
def test_equal_lengths(lengths: list[int], budget: int) -> None:
    """All sequences of a batch have its stated length, so that nothing is padded."""
    for batch in plan_batches(lengths, budget):
        assert {lengths[i] for i in batch.indices} == {batch.length}


@given(LENGTHS, BUDGET, MULTIPLE)
def test_little_padding(lengths: list[int], budget: int, multiple: int) -> None:
    """A sequence gets less padding than one multiple, and none beyond the longest of all."""
    for batch in plan_batches(lengths, budget, multiple):
        assert all(0 <= batch.length - lengths[i] < multiple for i in batch.indices)
        assert batch.length % multiple == 0 or batch.length == max(lengths)


@given(LENGTHS, BUDGET, MULTIPLE)
def test_few_shapes(lengths: list[int], budget: int, multiple: int) -> None:
    """There are no more different lengths than multiples up to the longest sequence."""
    shapes = {batch.length for batch in plan_batches(lengths, budget, multiple)}
    assert len(shapes) <= -(-max(lengths, default=0) // multiple)


@given(LENGTHS, BUDGET, MULTIPLE)
def test_budget(lengths: list[int], budget: int, multiple: int) -> None:
    """A batch keeps to the budget, padding included, unless it is a single sequence that exceeds it."""
    for batch in plan_batches(lengths, budget, multiple):
        assert len(batch.indices) * batch.length <= budget or len(batch.indices) == 1


@given(LENGTHS, BUDGET, MULTIPLE)
def test_full_batches(lengths: list[int], budget: int, multiple: int) -> None:
    """Only the last batch of a length has room for one more sequence."""
    for batch, following in pairwise(plan_batches(lengths, budget, multiple)):
        if batch.length == following.length:
            assert (len(batch.indices) + 1) * batch.length > budget


@given(LENGTHS, BUDGET, MULTIPLE)
def test_longest_first(lengths: list[int], budget: int, multiple: int) -> None:
    """Longer batches come before shorter ones, and sequences of one padded length keep their order."""
    batches = plan_batches(lengths, budget, multiple)
    order = [(-batch.length, int(i)) for batch in batches for i in batch.indices]
    assert order == sorted(order)


def test_worked_example() -> None:
    """Three sequences of 3 tokens and one of 9, with at most 6 tokens at a time, give three batches."""
    batches = plan_batches([3, 9, 3, 3], 6)
    assert [(batch.indices.tolist(), batch.length) for batch in batches] == [([1], 9), ([0, 2], 3), ([3], 3)]


def test_worked_example_of_padding() -> None:
    """Padded to multiples of 4 with at most 16 tokens, 3 goes with 4, 5 with 7, and 9 is the longest."""
    batches = plan_batches([3, 9, 4, 7, 5, 2], 16, 4)
    found = [(batch.indices.tolist(), batch.length) for batch in batches]
    assert found == [([1], 9), ([3, 4], 8), ([0, 2, 5], 4)]


def test_nothing() -> None:
    """No sequences make no batches, padded or not."""
    assert plan_batches([], 1024) == plan_batches([], 1024, 8) == []
