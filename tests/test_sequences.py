"""Token sequences in one array."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.sequences import Sequences

SEQUENCES = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), max_size=12)


def as_lists(sequences: Sequences) -> list[list[int]]:
    """Return each sequence as found by its start and length."""
    spans = zip(sequences.starts, sequences.starts + sequences.lengths, strict=True)
    return [sequences.tokens[start:end].tolist() for start, end in spans]


@given(SEQUENCES)
def test_nothing_is_lost(lists: list[list[int]]) -> None:
    """All sequences are there, in their order."""
    assert as_lists(Sequences.of(lists)) == lists


@given(SEQUENCES)
def test_each_once(lists: list[list[int]]) -> None:
    """Of equal sequences one is kept, and each original says which one it is."""
    kept, which = Sequences.of(lists).distinct()
    found = as_lists(kept)
    assert [found[i] for i in which] == lists
    assert len(found) == len({tuple(sequence) for sequence in lists})


@given(SEQUENCES, st.integers(0, 3), st.randoms(use_true_random=False))
def test_padding(lists: list[list[int]], more: int, order: Random) -> None:
    """Tokens are on the left with a mask of 1; the rest of a row is 0 in both."""
    drawn = [i for i in range(len(lists)) for _ in range(order.randint(0, 2))]
    order.shuffle(drawn)
    width = max((len(lists[i]) for i in drawn), default=0) + more
    input_ids, mask = Sequences.of(lists).padded(np.array(drawn, dtype=np.int64), width)
    assert input_ids.dtype == mask.dtype == np.int64
    assert input_ids.shape == mask.shape == (len(drawn), width)
    for row, i in enumerate(drawn):
        filler = [0] * (width - len(lists[i]))
        assert input_ids[row].tolist() == lists[i] + filler
        assert mask[row].tolist() == [1] * len(lists[i]) + filler
