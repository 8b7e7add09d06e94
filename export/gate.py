"""What a graph is worth: its logits beside another's, and beside the truth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sentiment_batch.arrays import FloatArray, IntegerArray
from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.metrics import Metrics, measure

# Logits are of the order of 1; float32 sums in another order differ by some 1e-6.
PARITY_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Comparison:
    """A graph of lower precision, int8 or fp16 by `name`, beside the float graph, on `texts` texts.

    `agreement`: share of texts with the same label. `largest_change`: of any label's probability. The metrics are None
    where no true labels are known.
    """

    name: str
    texts: int
    agreement: float
    largest_change: float
    exact: Metrics | None
    reduced: Metrics | None

    def record(self) -> dict[str, Any]:
        """As it stands in a bundle's manifest."""
        return {
            "texts": self.texts,
            "agreement": self.agreement,
            "largest_probability_change": self.largest_change,
            "float": None if self.exact is None else asdict(self.exact),
            self.name: None if self.reduced is None else asdict(self.reduced),
        }


def check_parity(logits: FloatArray, reference: FloatArray, name: str) -> float:
    """The largest difference between a graph's logits and those of a reference, by its `name`.

    Raises SentimentBatchError beyond PARITY_TOLERANCE.
    """
    difference = float(np.abs(logits - reference).max())
    # Written so that NaN fails too.
    if not difference <= PARITY_TOLERANCE:
        raise SentimentBatchError(
            f"the float graph's logits differ from {name}'s by {difference:.2g} "
            f"(at most {PARITY_TOLERANCE:g} allowed): nothing was written; please report this checkpoint"
        )
    return difference


def compare(
    name: str, reduced: FloatArray, exact: FloatArray, labels: IntegerArray | None, polarities: Sequence[float] | None
) -> Comparison:
    """Compare probabilities, float32 [N, K] each, and with the true labels, int64 [N], where there are some."""
    return Comparison(
        name=name,
        texts=len(reduced),
        agreement=float((reduced.argmax(axis=1) == exact.argmax(axis=1)).mean()),
        largest_change=float(np.abs(reduced - exact).max()),
        exact=None if labels is None else measure(exact, labels, polarities),
        reduced=None if labels is None else measure(reduced, labels, polarities),
    )


def check_gate(comparisons: Sequence[Comparison], max_disagreement: float, max_accuracy_drop: float) -> None:
    """Raise SentimentBatchError, with the numbers, if a graph of lower precision is too far from the float graph.

    Both limits are shares in [0, 1], and hold for the texts of all comparisons together; these are of one graph.
    """
    name = comparisons[0].name
    texts = sum(comparison.texts for comparison in comparisons)
    differing = round(sum((1 - comparison.agreement) * comparison.texts for comparison in comparisons))
    if _is_above(differing, max_disagreement, texts):
        raise SentimentBatchError(
            f"{name} gives another label than float for {differing / texts:.2%} of {texts:,} texts "
            f"(at most {max_disagreement:.2%} allowed, --max-disagreement): nothing was written"
        )
    _check_accuracy(
        name,
        [(c.exact, c.reduced) for c in comparisons if c.exact is not None and c.reduced is not None],
        max_accuracy_drop,
    )


def _check_accuracy(name: str, pairs: Sequence[tuple[Metrics, Metrics]], max_accuracy_drop: float) -> None:
    labelled = sum(exact.rows for exact, _ in pairs)
    lost = round(sum((exact.accuracy - reduced.accuracy) * exact.rows for exact, reduced in pairs))
    if _is_above(lost, max_accuracy_drop, labelled):
        before = sum(exact.accuracy * exact.rows for exact, _ in pairs) / labelled
        raise SentimentBatchError(
            f"{name} lowers the accuracy on {labelled:,} texts from {before:.2%} to {before - lost / labelled:.2%} "
            f"(at most {max_accuracy_drop:.2%} allowed, --max-accuracy-drop): nothing was written"
        )


def _is_above(count: int, limit: float, texts: int) -> bool:
    """Whether `count` of the texts are more than a share of `limit`; 7 of 1,000 are not above 0.7 / 100, as floats."""
    return count > round(limit * texts, 6)
