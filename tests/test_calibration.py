"""Whether a model is right as often as it is confident."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.calibration import BINS, error_by_chance, reliability


def with_confidence(confidences: list[float]) -> np.ndarray:
    """Return probabilities over two labels, of which the first is the more probable one."""
    return np.array([[confidence, 1 - confidence] for confidence in confidences], dtype=np.float32)


def test_by_hand() -> None:
    """Texts of one confidence share a bin; the error averages the bins' distances from their accuracy, weighted by
    rows.
    """
    probabilities = with_confidence([0.9, 0.9, 0.9, 0.9, 0.7])
    found = reliability(probabilities, np.array([0, 0, 0, 1, 1]))
    assert found.rows.tolist() == [0] * 10 + [1, 0, 0, 4, 0]
    assert (found.confidence[13], found.accuracy[13]) == (pytest.approx(0.9), 0.75)
    assert (found.confidence[10], found.accuracy[10]) == (pytest.approx(0.7), 0)
    assert found.error == pytest.approx((4 * 0.15 + 1 * 0.7) / 5)


def test_errors_in_one_bin_make_up_for_each_other() -> None:
    """Errors within a bin cancel out: if half are right at a confidence of one half, the error is 0."""
    assert reliability(with_confidence([0.5, 0.5]), np.array([0, 1])).error == pytest.approx(0)


def test_edges_belong_to_the_bin_below() -> None:
    """Bin k holds confidences above k/15 up to and including (k+1)/15; certainty is in the last one."""
    probabilities = np.array([[0.6, 0.4], [np.nextafter(np.float32(0.6), 1), 0.4], [1, 0]], dtype=np.float32)
    probabilities[0, 0] = np.float32(9 / 15)
    assert np.flatnonzero(reliability(probabilities, np.array([0, 0, 0])).rows).tolist() == [8, 9, 14]


@given(st.lists(st.tuples(st.floats(0.5, 1, width=32), st.integers(0, 1)), min_size=1, max_size=50), st.randoms())
def test_bounds_and_order(texts: list[tuple[float, int]], random: "np.random.Generator") -> None:
    """The error is between 0 and 1, at least the distance of the two means, and independent of order."""
    probabilities, labels = with_confidence([text[0] for text in texts]), np.array([text[1] for text in texts])
    found = reliability(probabilities, labels)
    assert found.rows.sum() == len(texts)
    assert abs(probabilities.max(axis=1).mean() - (probabilities.argmax(axis=1) == labels).mean()) <= found.error + 1e-6
    assert found.error <= 1
    places = list(range(len(texts)))
    random.shuffle(places)  # type: ignore[arg-type]
    assert reliability(probabilities[places], labels[places]).error == pytest.approx(found.error)


def test_chance_shrinks_with_the_number_of_texts() -> None:
    """A perfect model's error by chance falls with the square root of the number of texts, and is always the same."""
    confidences = np.random.default_rng(0).uniform(0.5, 1, 10_000).tolist()
    few, many = (error_by_chance(with_confidence(confidences[:count])) for count in (1000, 10_000))
    assert 0.02 < few < 0.05
    assert few / many == pytest.approx(np.sqrt(10), rel=0.2)
    assert error_by_chance(with_confidence(confidences[:1000])) == few


def test_chance_is_what_a_perfect_model_shows() -> None:
    """The error of a perfectly calibrated model is about what chance gives."""
    random = np.random.default_rng(1)
    probabilities = with_confidence(random.uniform(0.5, 1, 2000).tolist())
    errors = [
        reliability(probabilities, (random.random(2000) > probabilities[:, 0]).astype(int)).error for _ in range(50)
    ]
    assert np.mean(errors) == pytest.approx(error_by_chance(probabilities), rel=0.1)
    assert len(reliability(probabilities, np.zeros(2000, dtype=int)).rows) == BINS
