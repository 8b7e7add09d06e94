"""Predictions for texts, and how logits become them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentiment_batch.arrays import FloatArray, IntegerArray


class Scores(NamedTuple):
    """Predictions for N texts over K labels.

    `probabilities`: float32 [N, K], NaN where there is no prediction. `n_tokens`: int32 [N], tokens that the model
    read. `truncated`: bool [N]. `errors`: why there is no prediction, `null_text` or `empty_text`; None where there is
    one. `padding_tokens`: computed for nothing. `unknown_tokens`: of those read, how many were not in the vocabulary.
    """

    probabilities: FloatArray
    n_tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    errors: list[str | None]
    padding_tokens: int
    unknown_tokens: int

    def take(self, rows: IntegerArray) -> "Scores":
        """The same predictions in the order of `rows`, int64 [N], each of which is there once."""
        return self._replace(
            probabilities=self.probabilities[rows],
            n_tokens=self.n_tokens[rows],
            truncated=self.truncated[rows],
            errors=[self.errors[row] for row in rows],
        )


def concatenate(parts: Sequence[Scores]) -> Scores:
    """The scores of one text after another; at least one part."""
    probabilities, n_tokens, truncated, errors, padding_tokens, unknown_tokens = zip(*parts, strict=True)
    return Scores(
        np.concatenate(probabilities),
        np.concatenate(n_tokens),
        np.concatenate(truncated),
        [error for part in errors for error in part],
        sum(padding_tokens),
        sum(unknown_tokens),
    )


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities, float32 [N, K], of logits [N, K]; N may be 0."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    probabilities: FloatArray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def mean_of_pieces(rows: FloatArray, counts: IntegerArray) -> FloatArray:
    """The mean of the first counts[0] of rows [P, K], of the next counts[1] and so on, float32 [N, K]; of none, NaN."""
    means = np.full((len(counts), rows.shape[1]), np.nan, dtype=np.float32)
    some = counts > 0
    if some.any():
        starts = (np.cumsum(counts) - counts)[some]
        means[some] = np.add.reduceat(rows, starts) / counts[some, np.newaxis].astype(np.float32)
    return means
