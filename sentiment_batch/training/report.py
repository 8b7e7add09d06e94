"""A whole evaluation: take the measurements, and give them as a record or as lines for a terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from sentiment_batch.behaviour import Outcome, check_behaviour
from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import UsageError
from sentiment_batch.scoring import Scorer
from sentiment_batch.text import LongText
from sentiment_batch.training.comparison import Comparison, compare
from sentiment_batch.training.corpora import LabelledTexts
from sentiment_batch.training.evaluation import Evaluation, LengthGroup, evaluate, evaluate_cuts, predict

# Field of Metrics, title, format.
_LINES = (
    ("accuracy", "accuracy", ".2%"),
    ("macro_f1", "macro-F1", ".2%"),
    ("binary_accuracy", "binary accuracy", ".2%"),
    ("weighted_kappa", "weighted kappa", ".3f"),
    ("mean_absolute_error", "mean absolute error", ".3f"),
)


@dataclass(frozen=True)
class Report:
    """What was measured of `model`; anything not requested is empty.

    `evaluations`: on each sample, by name. `comparisons`: with `other` on the same samples. `cuts`: of each way to cut
    long texts, on the long texts of each sample. `behaviour`: outcomes of behavioural cases.
    """

    model: ModelBundle
    evaluations: Mapping[str, Evaluation]
    other: ModelBundle | None
    comparisons: Mapping[str, Comparison]
    cuts: Mapping[str, Mapping[LongText, Evaluation]]
    behaviour: Mapping[str, Outcome]

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        samples: Mapping[str, LabelledTexts],
        other: Scorer | None,
        cutting: Mapping[LongText, Scorer],
        *,
        behaviour: bool,
        progress: Callable[[str], None],
    ) -> Self:
        """Take the measurements; raises UsageError, ConfigurationError or BadDataError if one cannot be taken.

        `progress` is told of each step as it begins.
        """
        model = scorer.bundle
        if other is not None and other.bundle.labels != model.labels:
            raise UsageError(f"{other.bundle.folder} has other labels: compare models with the same labels")
        outcomes: Mapping[str, Outcome] = {}
        if behaviour:
            progress("testing behaviour")
            outcomes = check_behaviour(lambda texts: scorer.score(texts).probabilities, model.polarities)
        evaluations, comparisons, cuts = {}, {}, {}
        for name, texts in samples.items():
            progress(f"measuring {name}: {len(texts):,} texts")
            predictions = predict(scorer, texts)
            evaluations[name] = evaluate(scorer, predictions)
            if other is not None:
                comparisons[name] = compare(predictions, predict(other, texts))
            if cutting:
                cuts[name] = evaluate_cuts(cutting, texts, predictions)
        return cls(model, evaluations, other.bundle if other else None, comparisons, cuts, outcomes)

    def record(self) -> dict[str, Any]:
        """Return the report for JSON."""
        record: dict[str, Any] = {
            "model_sha256": self.model.sha256,
            "temperature": asdict(self.model.temperature),
            "results": {name: evaluation.record() for name, evaluation in self.evaluations.items()},
        }
        if self.other:
            results = {name: asdict(comparison) for name, comparison in self.comparisons.items()}
            record["against"] = {"model_sha256": self.other.sha256, "results": results}
        if self.cuts:
            record["long_texts"] = {
                name: {cut: evaluation.record() for cut, evaluation in cuts.items()} for name, cuts in self.cuts.items()
            }
        if self.behaviour:
            record["behaviour"] = {kind: asdict(outcome) for kind, outcome in self.behaviour.items()}
        return record

    def lines(self) -> Iterator[str]:
        """Yield the report as lines for a terminal."""
        for name, evaluation in self.evaluations.items():
            rows, groups = evaluation.metrics.rows, evaluation.groups
            yield f"{name}: {rows:,} rows" + (f" in {groups:,} groups" if groups < rows else "")
            yield from _figures(evaluation)
            if name in self.comparisons:
                yield from _comparison(self.comparisons[name])
            yield from _confusion(evaluation, self.model.labels)
            yield from _by_length(evaluation.by_length)
            if name in self.cuts:
                yield from _long_texts(self.cuts[name])
        if self.behaviour:
            yield from _behaviour(self.behaviour)


def _figures(evaluation: Evaluation) -> Iterator[str]:
    for field, title, form in _LINES:
        value = getattr(evaluation.metrics, field)
        if value is not None:
            low, high = evaluation.intervals[field]
            yield f"  {title:20}{value:{form}} ({low:{form}} to {high:{form}})"
    yield (
        f"  {'calibration error':20}{evaluation.scaled.error:.2%} (without temperature scaling "
        f"{evaluation.unscaled.error:.2%}, by chance alone {evaluation.error_by_chance:.2%})"
    )


def _comparison(comparison: Comparison) -> Iterator[str]:
    low, high = comparison.interval
    yield (
        f"  {'the other model':20}{comparison.other_accuracy:.2%} on {comparison.rows:,} rows, this one "
        f"{comparison.accuracy:.2%}: {comparison.difference * 100:+.2f} points ({low * 100:+.2f} to {high * 100:+.2f})"
    )
    yield (
        f"  {'permutation test':20}p = {comparison.p_value:.2g}: {comparison.only_first:,} rows right with this model "
        f"only, {comparison.only_second:,} with the other only"
    )


def _confusion(evaluation: Evaluation, labels: Sequence[str]) -> Iterator[str]:
    """Yield the confusion matrix, true labels in rows and predicted ones in columns."""
    width = max(map(len, labels))
    yield f"  {'true':{width}}  {'  '.join(labels)}"
    for label, counts in zip(labels, evaluation.confusion, strict=True):
        cells = (f"{count:{len(column)},}" for count, column in zip(counts, labels, strict=True))
        yield f"  {label:{width}}  {'  '.join(cells)}"


def _by_length(groups: Sequence[LengthGroup]) -> Iterator[str]:
    yield f"  {'tokens':>8}{'rows':>9}  accuracy  binary"
    for group in groups:
        span = f"{group.above + 1}-{group.up_to}" if group.up_to else f"> {group.above}"
        binary = "" if group.binary_accuracy is None else f"{group.binary_accuracy:.2%}"
        yield f"  {span:>8}{group.rows:>9,}  {group.accuracy:>8.2%}{binary:>8}".rstrip()


def _long_texts(cuts: Mapping[LongText, Evaluation]) -> Iterator[str]:
    """Yield the accuracy of each way of cutting, on the texts that have to be cut."""
    if not cuts:
        yield "  none has to be cut (--long-text)"
    for cut, evaluation in cuts.items():
        told = [
            f"{title} {getattr(evaluation.metrics, field):.2%} ({low:.2%} to {high:.2%})"
            for field, title in (("accuracy", "accuracy"), ("binary_accuracy", "binary"))
            if field in evaluation.intervals
            for low, high in [evaluation.intervals[field]]
        ]
        yield f"  {evaluation.metrics.rows:,} rows cut, --long-text {cut + ':':11}{', '.join(told)}"


def _behaviour(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    passed, cases = (sum(getattr(outcome, part) for outcome in outcomes.values()) for part in ("passed", "cases"))
    yield f"behaviour: {passed} of {cases} cases as expected"
    for kind, outcome in outcomes.items():
        yield f"  {outcome.passed:>3} of {outcome.cases} {kind}"
