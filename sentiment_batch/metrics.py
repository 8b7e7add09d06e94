"""How good predictions are: accuracy over all labels, and over the two sides of an ordered label set."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Metrics:
    """Shares in [0, 1].

    `binary_accuracy` leaves out texts labelled with the middle label, and asks on which side of the middle the larger
    share of the probability lies; None where no text has a side.
    """

    rows: int
    accuracy: float
    macro_f1: float
    binary_accuracy: float | None


def measure(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Metrics:
    """Compare probabilities, float32 [N, K] over K ordered labels, with the true labels, int64 [N]; N ≥ 1."""
    predicted = probabilities.argmax(axis=1)
    count = probabilities.shape[1]
    middle = (count - 1) / 2
    ordinals = np.arange(count)
    positive = probabilities[:, ordinals > middle].sum(axis=1) > probabilities[:, ordinals < middle].sum(axis=1)
    sided = labels != middle
    return Metrics(
        rows=len(labels),
        accuracy=float((predicted == labels).mean()),
        macro_f1=_macro_f1(predicted, labels),
        binary_accuracy=float((positive == (labels > middle))[sided].mean()) if sided.any() else None,
    )


def _macro_f1(predicted: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    """The mean F1 over the labels that occur."""
    scores = []
    for label in np.unique(labels):
        hits = ((predicted == label) & (labels == label)).sum()
        scores.append(2 * hits / ((predicted == label).sum() + (labels == label).sum()))
    return float(np.mean(scores))
