"""How far apart two distributions are."""

from math import log
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.distribution import Distribution
from sentiment_batch.drift import LARGE_SHIFT, Drift, index_by_chance, stability_index
from sentiment_batch.receipt import Predictions

HISTOGRAMS = st.integers(1, 8).flatmap(
    lambda bins: st.lists(st.lists(st.integers(0, 10**6), min_size=bins, max_size=bins), min_size=2, max_size=2)
)


def distribution(bins: list[int], labels: dict[str, int], polarity: int = 0, truncated: int = 0) -> Predictions:
    return cast(Predictions, Distribution(labels, bins, bins, polarity, truncated, 0).record(100))


def test_worked_example() -> None:
    """With half a row added to every bin, the shares are 1/2 and 1/2 before, 3/4 and 1/4 now."""
    assert stability_index([1, 1], [4, 1]) == pytest.approx((0.75 - 0.5) * log(0.75 / 0.5) + (0.25 - 0.5) * log(0.5))


@given(HISTOGRAMS)
def test_properties_of_the_index(histograms: list[list[int]]) -> None:
    """The index is finite even for empty bins, never below 0, symmetric, and 0 for equal histograms."""
    first, second = histograms
    assert 0 <= stability_index(first, second) < 50
    assert stability_index(first, second) == pytest.approx(stability_index(second, first))
    assert stability_index(first, first) == 0


def test_what_chance_does() -> None:
    """Of pairs of small runs of one kind, most are far apart, but next to none farther than chance explains."""
    assert index_by_chance([20] * 5, [20] * 5) == pytest.approx(2 / 100 * 18.467, rel=0.02)  # χ² of 4 degrees
    random, shares = np.random.default_rng(0), np.arange(1, 16) / 120
    for rows in (20, 60):
        pairs = [random.multinomial(rows, shares, size=2).tolist() for _ in range(500)]
        assert np.mean([stability_index(*pair) > LARGE_SHIFT for pair in pairs]) > 0.8
        assert np.mean([stability_index(*pair) > index_by_chance(*pair) for pair in pairs]) < 0.01
    assert stability_index([0, 10**6, 0], [0, 50, 0]) == 0  # nor do bins in which no row ever is
    assert index_by_chance([3, 4], [0, 0]) == index_by_chance([5, 0], [7, 0]) == 0


def test_what_is_compared() -> None:
    """Labels are matched by name, even those of only one model; means and shares are subtracted."""
    before = distribution([90, 10], {"bad": 90, "good": 10}, polarity=-50_000_000, truncated=10)
    now = distribution([10, 90], {"good": 10, "bad": 80, "new": 10}, polarity=50_000_000, truncated=20)
    drift = Drift.between(before, now)
    assert drift.mean_polarity == pytest.approx(1.0)
    assert drift.truncated_share == pytest.approx(0.1)
    assert drift.labels == pytest.approx(stability_index([90, 10, 0], [80, 10, 10]))
    assert list(drift.indices)[-1] == "labels"
    assert Drift.between(before, before).indices == dict.fromkeys(("labels", "confidence", "tokens"), 0)


def test_each_is_compared_with_itself() -> None:
    """Lengths and shares move alone, upwards where there is more of it now; without a mean none has moved."""
    before = Distribution({"good": 100}, [100], [90, 10], None, 0, 5).record(100)
    now = Distribution({"good": 100}, [100], [10, 90], None, 0, 20).record(100)
    drift = Drift.between(cast(Predictions, before), cast(Predictions, now))
    assert (drift.labels, drift.confidence, drift.mean_polarity, drift.truncated_share) == (0, 0, None, 0)
    assert drift.unknown_token_share == pytest.approx(0.15)
    assert drift.tokens == pytest.approx(stability_index([90, 10, *[0] * 13], [10, 90, *[0] * 13]))
    assert next(iter(drift.indices)) == "tokens"
