"""Resampling, and comparing two models on the same rows."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.training.bootstrap import intervals
from sentiment_batch.training.comparison import chance_of, compare
from sentiment_batch.training.evaluation import Predictions


def predictions(right: list[bool], rows: list[int] | None = None) -> Predictions:
    """Return predictions of texts whose label is 0; `right` says which of them are correct."""
    count = len(right)
    probabilities = np.eye(2, dtype=np.float32)[[0 if hit else 1 for hit in right]]
    return Predictions(
        np.array(range(count) if rows is None else rows),
        probabilities,
        np.zeros(count, dtype=np.int64),
        np.full(count, 9, dtype=np.int32),
        np.zeros(count, dtype=np.bool_),
        np.arange(count),
    )


def test_interval_of_a_share() -> None:
    """For 80% of 400, the interval is about two standard errors to each side, and the same in every run."""
    right = np.arange(400) % 5 > 0
    found = intervals(lambda rows: {"accuracy": float(right[rows].mean())}, np.arange(400))
    assert found["accuracy"] == pytest.approx((0.8 - 1.96 * 0.02, 0.8 + 1.96 * 0.02), abs=0.005)
    assert found == intervals(lambda rows: {"accuracy": float(right[rows].mean())}, np.arange(400))


def test_interval_of_groups() -> None:
    """Rows that are copies of each other are one piece of evidence, in whatever order they stand."""
    right, copies = np.arange(400) % 5 > 0, np.tile(np.arange(400), 3)
    once = intervals(lambda rows: {"accuracy": float(right[rows].mean())}, np.arange(400))
    assert intervals(lambda rows: {"accuracy": float(right[copies][rows].mean())}, copies) == once


def test_what_cannot_be_measured_has_no_interval() -> None:
    """A statistic without a value has no interval; one that sometimes has none uses the samples where it has one."""
    found = intervals(lambda rows: {"never": None, "at times": 1.0 if 0 in rows else None}, np.arange(3))
    assert found == {"at times": (1.0, 1.0)}


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar(one: int, other: int) -> None:
    """The p-value is a probability, the same whichever model comes first, and for rows equals the binomial tail."""
    leads = np.repeat([1, -1, 0], [one, other, 3])
    p = chance_of(leads)
    assert p == chance_of(-leads)
    tail = sum(comb(one + other, wins) for wins in range(min(one, other) + 1)) / 2 ** (one + other)
    assert p == pytest.approx(min(1, 2 * tail))


@given(st.lists(st.integers(-6, 6), max_size=9))
def test_groups_that_go_together(leads: list[int]) -> None:
    """The p-value is the share of all ways to swap the models in whole groups that differ as much or more."""
    sums = [abs(sum(swapped)) for swapped in product(*((lead, -lead) for lead in leads))]
    share = sum(other >= abs(sum(leads)) for other in sums) / len(sums)
    assert chance_of(np.array(leads, dtype=np.int64)) == pytest.approx(share)


def test_mcnemar_of_many_rows() -> None:
    """Thousands of rows are counted exactly: about twice the normal tail beyond 3.2 standard deviations."""
    assert chance_of(np.repeat([1, -1], [10_000, 10_453])) == pytest.approx(0.00157, abs=0.00005)


def test_compare() -> None:
    """Of ten rows, one is lost and four are gained."""
    comparison = compare(predictions([True] * 8 + [False] * 2), predictions([False] * 4 + [True] * 4 + [True, False]))
    assert (comparison.accuracy, comparison.other_accuracy, comparison.difference) == (0.8, 0.5, pytest.approx(0.3))
    assert (comparison.only_first, comparison.only_second) == (4, 1)
    assert comparison.p_value == pytest.approx(2 * 6 / 32)
    low, high = comparison.interval
    assert low <= 0 < 0.3 < high


def test_compare_a_model_with_itself() -> None:
    """A model compared with itself differs in no row, however resampled."""
    both = predictions([True, False, True])
    comparison = compare(both, both)
    assert (comparison.difference, comparison.interval, comparison.p_value) == (0, (0, 0), 1)


def test_rows_that_one_model_cannot_score() -> None:
    """Only rows with two predictions are compared, each with its own counterpart."""
    comparison = compare(predictions([True, False, True], [0, 2, 5]), predictions([False, True], [2, 5]))
    assert (comparison.rows, comparison.accuracy, comparison.other_accuracy) == (2, 0.5, 0.5)
    assert (comparison.only_first, comparison.only_second) == (0, 0)
