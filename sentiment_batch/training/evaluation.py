"""A bundle's accuracy on labelled texts, scored as the worker scores."""

from sentiment_batch.errors import BadDataError, ConfigurationError
from sentiment_batch.metrics import Metrics, measure
from sentiment_batch.scoring import Scorer
from sentiment_batch.training.corpora import LabelledTexts


def evaluate(scorer: Scorer, examples: LabelledTexts) -> Metrics:
    """Score the texts and compare; raises ConfigurationError if the model has fewer labels than the data.

    BadDataError if none of the texts can be scored.
    """
    labels = scorer.bundle.labels
    if examples.labels.max(initial=-1) >= len(labels):
        raise ConfigurationError(f"the data has more labels than the model's {', '.join(labels)}")
    scores = scorer.score(examples.texts)
    scored = [row for row, error in enumerate(scores.errors) if error is None]
    if not scored:
        raise BadDataError("the data holds no text to measure on")
    return measure(scores.probabilities[scored], examples.labels[scored])
