"""Score reviews in bulk: a file in, the same file with sentiment columns out.

As a library: `Scorer.load().score(texts)`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_batch.scoring import Scorer, Scores, ScoringOptions

__all__ = ["Scorer", "Scores", "ScoringOptions"]


def __getattr__(name: str) -> Any:
    # Only on demand: `sentiment-batch --help` is to answer before onnxruntime has been loaded.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sentiment_batch import scoring

    return getattr(scoring, name)
