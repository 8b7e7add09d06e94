"""What a graph is worth: its logits beside another's, on texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sentiment_batch.batching import plan_batches
from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.session import Device, Session

FloatArray = npt.NDArray[np.float32]

# Logits are of the order of 1; float32 sums in another order differ by some 1e-6.
PARITY_TOLERANCE = 1e-4

_BATCH_TOKENS = 1024


@dataclass(frozen=True)
class Comparison:
    """A quantized graph beside the float graph, on `texts` texts.

    `agreement`: share of texts with the same label. `largest_change`: of any label's probability. The accuracies are
    None where no labels were given.
    """

    texts: int
    agreement: float
    largest_change: float
    accuracy_float: float | None
    accuracy_quantized: float | None


def run_graph(graph: Path, sequences: Sequence[list[int]]) -> FloatArray:
    """Logits, float32 [N, K], of N ≥ 1 token sequences, on the CPU in batches of equal length."""
    session = Session(graph, Device.CPU)
    batches = plan_batches([len(sequence) for sequence in sequences], _BATCH_TOKENS)
    logits = [session.run(np.array([sequences[i] for i in batch.indices], dtype=np.int64)) for batch in batches]
    order = np.concatenate([batch.indices for batch in batches])
    return np.concatenate(logits)[np.argsort(order)]


def check_parity(logits: FloatArray, oracle: FloatArray) -> float:
    """The largest difference between two graphs' logits; raises SentimentBatchError beyond PARITY_TOLERANCE."""
    difference = float(np.abs(logits - oracle).max())
    # Written so that NaN fails too.
    if not difference <= PARITY_TOLERANCE:
        raise SentimentBatchError(
            f"the optimized graph's logits differ from optimum's by {difference:.2g} "
            f"(at most {PARITY_TOLERANCE:g} allowed): nothing was written; please report this checkpoint"
        )
    return difference


def compare(quantized: FloatArray, exact: FloatArray, labels: npt.NDArray[np.int64] | None) -> Comparison:
    """Compare logits, float32 [N, K] each, and with the true labels, int64 [N], where there are some."""
    guesses, exact_guesses = quantized.argmax(axis=1), exact.argmax(axis=1)
    return Comparison(
        texts=len(quantized),
        agreement=float((guesses == exact_guesses).mean()),
        largest_change=float(np.abs(_softmax(quantized) - _softmax(exact)).max()),
        accuracy_float=None if labels is None else float((exact_guesses == labels).mean()),
        accuracy_quantized=None if labels is None else float((guesses == labels).mean()),
    )


def check_gate(comparison: Comparison, max_disagreement: float, max_accuracy_drop: float) -> None:
    """Raise SentimentBatchError, with the numbers, if the quantized graph is too far from the float graph."""
    disagreement = 1 - comparison.agreement
    if disagreement > max_disagreement:
        raise SentimentBatchError(
            f"int8 gives another label than float for {disagreement:.2%} of {comparison.texts} texts "
            f"(at most {max_disagreement:.2%} allowed, --max-disagreement): nothing was written"
        )
    if comparison.accuracy_float is None or comparison.accuracy_quantized is None:
        return
    drop = comparison.accuracy_float - comparison.accuracy_quantized
    if drop > max_accuracy_drop:
        raise SentimentBatchError(
            f"int8 loses {drop:.2%} of accuracy on {comparison.texts} texts: {comparison.accuracy_quantized:.2%} "
            f"after {comparison.accuracy_float:.2%} (at most {max_accuracy_drop:.2%} allowed, --max-accuracy-drop): "
            "nothing was written"
        )


def _softmax(logits: FloatArray) -> FloatArray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: FloatArray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
