"""The rows that stand out are found without keeping the others."""

import tracemalloc

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.report.extremes import Extremes

VALUES = st.lists(st.none() | st.integers(-5, 5), max_size=40)


@given(VALUES, st.integers(0, 6), st.integers(1, 10), st.sampled_from([1, -1]))
def test_as_sorting_all_would_find_them(values: list[int | None], most: int, size: int, sign: int) -> None:
    """The best rows of all batches are found: equals in row order, and repeated texts only once."""
    # A text's prediction is always the same: here every value has two texts.
    rows = [(value, f"{value}, {place % 2}") for place, value in enumerate(values)]
    found = Extremes(most, "polarity", sign)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        found.add(
            pa.record_batch(
                {
                    "polarity": pa.array([value for value, _ in part], pa.float32()),
                    "text": pa.array([text for _, text in part], pa.string()),
                }
            ),
            start,
        )
    first: dict[str, tuple[int, int]] = {}
    for place, (value, text) in enumerate(rows):
        if value is not None:
            first.setdefault(text, (-sign * value, place + 1))
    expected = sorted(first.values())[:most]
    assert [(-review.rank, review.row) for review in found.best()] == expected


def test_long_texts_are_kept_in_part() -> None:
    """Of a text of megabytes, only the beginning and the length are kept."""
    found = Extremes(1, "polarity", 1)
    found.add(pa.record_batch({"polarity": pa.array([1.0]), "text": pa.array(["ab" * 10**6])}), 0)
    (review,) = found.best()
    assert review.text is not None
    assert len(review.text) < 1_000
    assert review.characters == 2 * 10**6


def test_no_more_is_kept_of_more_rows() -> None:
    """However many rows there are, the memory is that of those that will be shown."""
    found = Extremes(10, "polarity", 1)
    arrow = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        for start in range(0, 20_000, 1_000):
            values = pa.array(range(start, start + 1_000))
            found.add(pa.record_batch({"polarity": values.cast(pa.float64()), "text": values.cast(pa.string())}), start)
        del values
        python, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert python + pa.total_allocated_bytes() - arrow < 100_000
    assert [review.row for review in found.best()] == list(range(20_000, 19_990, -1))
