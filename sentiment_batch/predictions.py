"""The columns that scoring adds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.columns import ADDED_COLUMNS
from sentiment_batch.distribution import Distribution
from sentiment_batch.labels import column_name
from sentiment_batch.scores import Scores


@dataclass(frozen=True)
class PredictionColumns:
    """Names, types and values of the added columns.

    `sentiment` (the most probable label), `confidence` (its probability, float32), `polarity` (expected over the
    labels, float32 in [-1, 1]; null where the labels have no order), `n_tokens` (int32), `truncated` (bool),
    `sentiment_error` (null, or why there is no prediction); with `probabilities`, one float32 column per label.
    """

    labels: tuple[str, ...]
    polarities: tuple[float, ...] | None
    prefix: str = ""
    probabilities: bool = False

    @classmethod
    def of(cls, bundle: ModelBundle, *, prefix: str, probabilities: bool) -> "PredictionColumns":
        return cls(bundle.labels, bundle.polarities, prefix, probabilities)

    @property
    def schema(self) -> pa.Schema:
        fields = dict(ADDED_COLUMNS)
        if self.probabilities:
            fields |= {f"p_{column_name(label)}": pa.float32() for label in self.labels}
        return pa.schema([(self.prefix + name, kind) for name, kind in fields.items()])

    def batch(self, scores: Scores) -> pa.RecordBatch:
        """N rows of predictions; null where a row has an error."""
        missing = np.array([error is not None for error in scores.errors], dtype=np.bool_)
        probabilities = scores.probabilities
        best = np.where(missing, 0, np.nan_to_num(probabilities, nan=-1.0).argmax(axis=1))
        confidence = probabilities[np.arange(len(best)), best]
        columns: list[pa.Array] = [
            pa.DictionaryArray.from_arrays(pa.array(best, mask=missing), pa.array(self.labels)).cast(pa.string()),
            pa.array(confidence, pa.float32(), mask=missing),
            self._polarity(probabilities, missing),
            pa.array(scores.n_tokens, pa.int32()),
            pa.array(scores.truncated, pa.bool_()),
            pa.array(scores.errors, pa.string()),
        ]
        if self.probabilities:
            columns += [pa.array(column, pa.float32(), mask=missing) for column in probabilities.T]
        return pa.record_batch(columns, schema=self.schema)

    def distribution(self, batch: pa.RecordBatch, unknown_tokens: int = 0) -> Distribution:
        """What these columns look like as a whole; which tokens were unknown they do not tell."""
        scored = batch.filter(batch.column(self.prefix + "sentiment").is_valid())
        sentiment, confidence, polarity, n_tokens, truncated = scored.columns[:5]
        found = {entry["values"]: entry["counts"] for entry in pc.value_counts(sentiment).to_pylist()}
        return Distribution.of(
            {label: found.pop(label, 0) for label in self.labels} | found,
            confidence.to_numpy(),
            None if polarity.null_count == len(polarity) else polarity.to_numpy(),
            n_tokens.to_numpy(),
            truncated.to_numpy(zero_copy_only=False),
            unknown_tokens,
        )

    def _polarity(self, probabilities: npt.NDArray[np.float32], missing: npt.NDArray[np.bool_]) -> pa.Array:
        if self.polarities is None:
            return pa.nulls(len(missing), pa.float32())
        # Not a matrix product: its rounding may depend on how many rows there are.
        expected = (probabilities * np.array(self.polarities, dtype=np.float32)).sum(axis=1)
        return pa.array(np.clip(expected, -1, 1), pa.float32(), mask=missing)
