"""A bundle's accuracy on labelled texts, scored as the worker scores."""

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.scoring import Scorer
from sentiment_batch.training.corpora import LabelledTexts
from sentiment_batch.training.metrics import Metrics, measure


def evaluate(scorer: Scorer, examples: LabelledTexts) -> Metrics:
    """Score the texts and compare; raises ConfigurationError if the model has fewer labels than the data."""
    labels = scorer.bundle.labels
    if examples.labels.max(initial=-1) >= len(labels):
        raise ConfigurationError(f"the data has more labels than the model's {', '.join(labels)}")
    scores = scorer.score(examples.texts)
    scored = [row for row, error in enumerate(scores.errors) if error is None]
    return measure(scores.probabilities[scored], examples.labels[scored])
