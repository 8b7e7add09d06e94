"""Metrics against numbers worked out by hand."""

import numpy as np
import pytest

from sentiment_batch.metrics import Metrics, measure


def test_three_labels() -> None:
    """Accuracy over all, F1 averaged over the labels, sides by the larger share with the middle left out."""
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
    # F1: negative 2·1/(1+2), neutral 2·1/(2+1), positive 2·1/(2+2).
    expected = Metrics(rows=5, accuracy=3 / 5, macro_f1=(2 / 3 + 2 / 3 + 1 / 2) / 3, binary_accuracy=3 / 4)
    assert measure(probabilities, np.array([0, 0, 1, 2, 2])) == pytest.approx(expected)


def test_two_labels_have_no_middle() -> None:
    """With two labels binary accuracy is accuracy."""
    measured = measure(np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]], dtype=np.float32), np.array([0, 1, 1]))
    assert measured.accuracy == measured.binary_accuracy == pytest.approx(2 / 3)


def test_only_middle_labels() -> None:
    """Where no text has a side, there is no binary accuracy."""
    measured = measure(np.array([[0.1, 0.8, 0.1]], dtype=np.float32), np.array([1]))
    assert measured == Metrics(rows=1, accuracy=1.0, macro_f1=1.0, binary_accuracy=None)


def test_a_label_that_nobody_has_does_not_lower_f1() -> None:
    """F1 is averaged over the labels that occur."""
    measured = measure(np.eye(5, dtype=np.float32)[[0, 4]], np.array([0, 4]))
    assert measured == Metrics(rows=2, accuracy=1.0, macro_f1=1.0, binary_accuracy=1.0)
