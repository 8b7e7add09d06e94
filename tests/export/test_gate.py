"""Which graphs are written: logits that agree, and a precision that costs little."""

import numpy as np
import pytest

from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.export.gate import PARITY_TOLERANCE, Comparison, check_gate, check_parity, compare


def surely(labels: list[int]) -> np.ndarray:
    """Probabilities of a model that has no doubts."""
    return np.eye(2, dtype=np.float32)[labels]


def comparison(right: int, wrong: int, *, labelled: bool = True) -> Comparison:
    """Texts for which the float graph is right, and int8 says the same or the opposite."""
    truth = [0] * (right + wrong)
    labels = np.array(truth) if labelled else None
    return compare("int8", surely([0] * right + [1] * wrong), surely(truth), labels, (-1, 1))


def test_parity() -> None:
    """Logits may differ by so much, up or down, anywhere; what is no number agrees with nothing."""
    logits = np.zeros((3, 5), dtype=np.float32)
    for sign in (1, -1):
        other = logits.copy()
        other[2, 4] = sign * PARITY_TOLERANCE * 0.9
        assert check_parity(other, logits, "PyTorch") == pytest.approx(PARITY_TOLERANCE * 0.9)
        for difference in (sign * PARITY_TOLERANCE * 1.1, np.nan):
            other[2, 4] = difference
            with pytest.raises(SentimentBatchError, match=r"logits differ from PyTorch's by .*: nothing was written"):
                check_parity(other, logits, "PyTorch")


def test_comparison() -> None:
    """Texts that got another label count, and the largest change of any probability."""
    reduced, exact = surely([0, 0, 1, 1]), surely([0, 0, 0, 1])
    reduced[0] = [0.75, 0.25]
    found = compare("int8", reduced, exact, np.array([0, 0, 0, 0]), (-1, 1))
    assert (found.texts, found.agreement, found.largest_change) == (4, 0.75, 1)
    assert found.exact is not None
    assert found.reduced is not None
    assert (found.exact.accuracy, found.reduced.accuracy) == (0.75, 0.5)


@pytest.mark.parametrize("labelled", [True, False])
def test_disagreement_of_all_texts(labelled: bool) -> None:
    """The limit holds for the texts of all samples together, however they are divided, and may be met."""
    samples = [comparison(9, 1, labelled=labelled), comparison(90, 0, labelled=labelled)]
    check_gate(samples, 0.01, 1)
    check_gate([comparison(98, 2, labelled=labelled)], 0.02, 1)
    check_gate([comparison(993, 7, labelled=labelled)], 0.7 / 100, 1)
    with pytest.raises(SentimentBatchError, match=r"another label than float for 1\.00% of 100 texts"):
        check_gate(samples, 0.009, 1)


def test_lost_accuracy_of_all_texts() -> None:
    """So does the one on accuracy, for those that have labels."""
    samples = [comparison(8, 2), comparison(90, 0), comparison(0, 100, labelled=False)]
    check_gate(samples, 1, 0.02)
    check_gate([comparison(97, 3)], 1, 0.03)
    check_gate([comparison(993, 7)], 1, 0.7 / 100)
    with pytest.raises(SentimentBatchError, match=r"lowers the accuracy on 100 texts from 100\.00% to 98\.00% "):
        check_gate(samples, 1, 0.019)
    check_gate(samples[2:], 1, 0)
