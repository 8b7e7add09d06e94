"""Score reviews in bulk: a file in, the same file with sentiment columns out.

As a library: `Scorer.load().score(texts)`.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment_batch.scores import Scores
    from sentiment_batch.scoring import Scorer, ScoringOptions
    from sentiment_batch.session import Device
    from sentiment_batch.text import LongText

__all__ = ["Device", "LongText", "Scorer", "Scores", "ScoringOptions"]

# ONNX Runtime reports what it runs to its makers, unless it is told not to before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    # Only on demand: `sentiment-batch --help` is to answer before onnxruntime has been loaded.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sentiment_batch import scoring

    return getattr(scoring, name)
