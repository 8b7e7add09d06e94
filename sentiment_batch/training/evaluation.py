"""Evaluate a bundle on labelled texts, scored as the worker scores them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiment_batch.calibration import Reliability, error_by_chance, reliability
from sentiment_batch.errors import BadDataError, ConfigurationError
from sentiment_batch.metrics import Metrics, confusion_matrix, measure
from sentiment_batch.scoring import Scorer
from sentiment_batch.text import LongText
from sentiment_batch.training.bootstrap import intervals
from sentiment_batch.training.corpora import LabelledTexts

# Resampling inflates the calibration error; `error_by_chance` is what to compare it with.
_NOT_RESAMPLED = {"rows", "calibration_error"}


@dataclass(frozen=True)
class Predictions:
    """A model's predictions on a sample; `rows`, int64 [N], are the indices of the N texts that could be scored.

    `probabilities`: float32 [N, K]. `labels`: the true ones, int64 [N]. `n_tokens`: int32 [N]. `truncated`: bool [N].
    `groups`: int64 [N], equal for texts of one group.
    """

    rows: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    n_tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]


@dataclass(frozen=True)
class LengthGroup:
    """Texts of more than `above` and at most `up_to` tokens; `up_to` is None for those too long to read at once."""

    above: int
    up_to: int | None
    rows: int
    accuracy: float
    binary_accuracy: float | None


@dataclass(frozen=True)
class Evaluation:
    """All measurements on one sample.

    `groups`: how many its rows are of. `intervals`: bootstrap 95 % intervals by metric. `confusion`: int64 [K, K], true
    labels in rows. `scaled`, `unscaled`: with and without the bundle's temperature. `error_by_chance`: see
    calibration.error_by_chance.
    """

    metrics: Metrics
    groups: int
    intervals: dict[str, tuple[float, float]]
    confusion: npt.NDArray[np.int64]
    by_length: tuple[LengthGroup, ...]
    scaled: Reliability
    unscaled: Reliability
    error_by_chance: float

    def record(self) -> dict[str, Any]:
        """Return the evaluation as a report's JSON holds it."""
        return {
            **asdict(self.metrics),
            "groups": self.groups,
            "intervals": self.intervals,
            "unscaled_calibration_error": self.unscaled.error,
            "calibration_error_by_chance": self.error_by_chance,
            "confusion": self.confusion.tolist(),
            "by_length": [asdict(group) for group in self.by_length],
        }


def predict(scorer: Scorer, examples: LabelledTexts) -> Predictions:
    """Score the texts.

    Raises ConfigurationError if the model has fewer labels than the data, BadDataError if none of the texts can be
    scored.
    """
    labels = scorer.bundle.labels
    if examples.labels.max(initial=-1) >= len(labels):
        raise ConfigurationError(f"the data has more labels than the model's {', '.join(labels)}")
    scores = scorer.score(examples.texts)
    rows = np.array([row for row, error in enumerate(scores.errors) if error is None], dtype=np.int64)
    if not len(rows):
        raise BadDataError("the data holds no text to measure on")
    return Predictions(
        rows,
        scores.probabilities[rows],
        examples.labels[rows],
        scores.n_tokens[rows],
        scores.truncated[rows],
        _numbered([examples.groups[row] for row in rows]),
    )


def evaluate(scorer: Scorer, predictions: Predictions) -> Evaluation:
    """Compute all measurements of `predictions`, which `scorer` made."""
    probabilities, labels = predictions.probabilities, predictions.labels
    bundle = scorer.bundle

    def resampled(rows: npt.NDArray[np.int64]) -> dict[str, float | None]:
        metrics = asdict(measure(probabilities[rows], labels[rows], bundle.polarities))
        return {name: value for name, value in metrics.items() if name not in _NOT_RESAMPLED}

    return Evaluation(
        metrics=measure(probabilities, labels, bundle.polarities),
        groups=len(np.unique(predictions.groups)),
        intervals=intervals(resampled, predictions.groups),
        confusion=confusion_matrix(probabilities.argmax(axis=1), labels, len(bundle.labels)),
        by_length=_by_length(predictions, scorer.options.max_tokens or bundle.max_tokens, bundle.polarities),
        scaled=reliability(probabilities, labels),
        unscaled=reliability(bundle.temperature.inverse.scale(probabilities, predictions.n_tokens), labels),
        error_by_chance=error_by_chance(probabilities),
    )


def evaluate_cuts(
    scorers: Mapping[LongText, Scorer], examples: LabelledTexts, predictions: Predictions
) -> dict[LongText, Evaluation]:
    """Evaluate each way to cut long texts, by its scorer, on the texts that were truncated for `predictions`.

    Empty if there are none.
    """
    long = examples.select(predictions.rows[predictions.truncated])
    return {cut: evaluate(scorer, predict(scorer, long)) for cut, scorer in scorers.items()} if len(long) else {}


def _numbered(groups: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number for each group, int64 [N]; one for each row if there is a single group, of which there is no other."""
    numbers: dict[str, int] = {}
    found = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    return found if len(numbers) > 1 else np.arange(len(groups))


def _by_length(
    predictions: Predictions, max_tokens: int, polarities: Sequence[float] | None
) -> tuple[LengthGroup, ...]:
    """Return accuracies by length, in groups that double in length; empty groups are left out."""
    lengths = np.where(predictions.truncated, max_tokens + 1, predictions.n_tokens)
    edges = [0, *(2**power for power in range(3, max_tokens.bit_length()) if 2**power < max_tokens), max_tokens]
    groups = []
    for above, up_to in zip(edges, [*edges[1:], None], strict=True):
        rows = (lengths > above) & (lengths <= (up_to or lengths.max()))
        if rows.any():
            metrics = measure(predictions.probabilities[rows], predictions.labels[rows], polarities)
            groups.append(LengthGroup(above, up_to, metrics.rows, metrics.accuracy, metrics.binary_accuracy))
    return tuple(groups)
