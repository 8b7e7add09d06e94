"""Metrics, compared with numbers worked out by hand."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.metrics import Metrics, confusion_matrix, measure

FIVE_LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


FIVE, THREE, TWO = (-1, -0.5, 0, 0.5, 1), (-1, 0, 1), (-1, 1)


def surely(predicted: list[int], count: int = 5) -> np.ndarray:
    """Return the probabilities of a model without doubts."""
    return np.eye(count, dtype=np.float32)[predicted]


def test_three_labels() -> None:
    """Accuracy is over all rows, F1 averaged over labels, sides by the larger share without the middle."""
    probabilities = np.array(
        [
            [0.7, 0.2, 0.1],  # negative, right
            [0.3, 0.1, 0.6],  # negative, taken for positive
            [0.1, 0.8, 0.1],  # neutral, right
            [0.1, 0.6, 0.3],  # positive, taken for neutral, on the right side
            [0.2, 0.2, 0.6],  # positive, right
        ],
        dtype=np.float32,
    )
    expected = Metrics(
        rows=5,
        accuracy=3 / 5,
        # Negative 2·1/(1+2), neutral 2·1/(2+1), positive 2·1/(2+2).
        macro_f1=(2 / 3 + 2 / 3 + 1 / 2) / 3,
        # Squared distances: 4 + 1 found; by chance (2·2·1 + 2·2·4 + 1·1·1 + 1·2·1 + 2·1·4 + 2·2·1) / 5.
        weighted_kappa=1 - 5 / (35 / 5),
        mean_absolute_error=(2 + 1) / 5,
        binary_accuracy=3 / 4,
        # One right at 0.7, one right at 0.8, and one of three right at 0.6.
        calibration_error=0.3 * 1 / 5 + 0.2 * 1 / 5 + (0.6 - 1 / 3) * 3 / 5,
    )
    measured = measure(probabilities, np.array([0, 0, 1, 2, 2]), THREE)
    assert asdict(measured) == pytest.approx(asdict(expected))


def test_two_labels_have_no_middle() -> None:
    """With two labels binary accuracy is accuracy."""
    measured = measure(np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]], dtype=np.float32), np.array([0, 1, 1]), TWO)
    assert measured.accuracy == measured.binary_accuracy == pytest.approx(2 / 3)


def test_neutral_is_not_always_in_the_middle() -> None:
    """Sides are those of polarity 0, and not of the middle place; without labels on both there are none."""
    truth = np.array([0, 1, 2, 3])
    lopsided = measure(surely([0, 0, 3, 1], 4), truth, (-0.5, 0, 0.5, 1))
    assert lopsided.binary_accuracy == pytest.approx(2 / 3)
    assert measure(surely([0, 1], 2), np.array([0, 1]), (0, 1)).binary_accuracy is None


@given(FIVE_LABELS, st.permutations(range(5)))
def test_labels_may_stand_anywhere(pairs: list[tuple[int, int]], places: list[int]) -> None:
    """Where a model has its labels in another order, all metrics are the same."""
    predicted, labels = (np.array(side) for side in zip(*pairs, strict=True))
    order = np.array(places)
    moved = measure(surely(order[predicted]), order[labels], [FIVE[label] for label in np.argsort(order)])
    assert asdict(moved) == pytest.approx(asdict(measure(surely(predicted), labels, FIVE)))


def test_only_middle_labels() -> None:
    """If no text has a side, there is no binary accuracy; if chance agrees, there is no kappa."""
    measured = measure(surely([1], 3), np.array([1]), THREE)
    assert (measured.accuracy, measured.binary_accuracy, measured.weighted_kappa) == (1, None, None)


def test_a_label_that_nobody_has_does_not_lower_f1() -> None:
    """F1 is averaged over the labels that occur."""
    assert measure(surely([0, 4]), np.array([0, 4]), FIVE) == Metrics(2, 1, 1, 1, 0, 1, 0)


def test_labels_without_order() -> None:
    """On labels without order, nothing that counts distances or sides is measured."""
    measured = measure(surely([0, 4, 2]), np.array([0, 4, 1]), None)
    assert (measured.weighted_kappa, measured.mean_absolute_error, measured.binary_accuracy) == (None, None, None)
    assert measured.accuracy == pytest.approx(2 / 3)


def test_confusion_matrix() -> None:
    """The confusion matrix has true labels in rows and predicted ones in columns."""
    confusion = confusion_matrix(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_kappa_of_two_labels() -> None:
    """With two labels, one disagreement of four where chance has two gives a kappa of one half."""
    assert measure(surely([0, 1, 1, 1], 2), np.array([0, 0, 1, 1]), TWO).weighted_kappa == pytest.approx(1 - 1 / 2)


@given(FIVE_LABELS)
def test_kappa_and_distance(pairs: list[tuple[int, int]]) -> None:
    """Kappa is at most 1, and 1 only without errors; swapping truth and prediction, or the ends, changes nothing."""
    predicted, labels = (list(side) for side in zip(*pairs, strict=True))
    measured = measure(surely(predicted), np.array(labels), FIVE)
    assert measured.mean_absolute_error is not None
    assert (measured.mean_absolute_error == 0) is (measured.accuracy == 1)
    wrong = 1 - measured.accuracy
    assert wrong * (1 - 1e-9) <= measured.mean_absolute_error <= 4 * wrong * (1 + 1e-9)
    kappa = measured.weighted_kappa
    if kappa is None:
        assert len(set(predicted)) == 1
        assert set(predicted) == set(labels)
        return
    assert kappa <= 1
    assert (kappa == 1) is (predicted == labels)
    assert measure(surely(labels), np.array(predicted), FIVE).weighted_kappa == pytest.approx(kappa)
    turned = measure(surely([4 - label for label in predicted]), 4 - np.array(labels), FIVE)
    assert turned.weighted_kappa == pytest.approx(kappa)
