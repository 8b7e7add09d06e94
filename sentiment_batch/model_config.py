"""A sequence classifier's `config.json`, as Hugging Face libraries write it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.labels import require_names

_CLASSIFIER = "ForSequenceClassification"
# Names take memory, however short the number that asks for them.
_MAX_LABELS = 2**16
# RoBERTa and its kin number their positions from the padding id on.
_NUMBERED_FROM_PADDING = {
    "camembert",
    "data2vec-text",
    "esm",
    "ibert",
    "longformer",
    "luke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}


def read_config(path: Path) -> tuple[tuple[str, ...], int]:
    """The labels in the order of the model's outputs, and the most tokens that it reads.

    Raises ConfigurationError if the file does not say, if a text would have no label or several, or if two labels would
    share a column.
    """
    try:
        config = json.loads(path.read_text("utf-8"))
        labels = _labels(config)
        positions = most_tokens(config)
        problem = config.get("problem_type")
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not a sequence classifier's config: {type(error).__name__}: {error}"
        ) from error
    if problem in ("multi_label_classification", "regression"):
        raise ConfigurationError(f"{path} is for {problem}: only models with one label per text can be used")
    if len(labels) < 2:
        raise ConfigurationError(f"{path} has {len(labels)} label: a classifier needs at least two")
    require_names(labels, path)
    return labels, positions


def most_tokens(config: Mapping[str, Any]) -> int:
    """How many tokens a model of that configuration has positions for; raises KeyError, TypeError or ValueError."""
    positions = int(config["max_position_embeddings"])
    if config.get("model_type") in _NUMBERED_FROM_PADDING:
        positions -= int(config.get("pad_token_id", 1)) + 1
    return positions


def _labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    if "id2label" not in config and any(str(name).endswith(_CLASSIFIER) for name in config.get("architectures") or ()):
        # transformers leaves out what would be its own names.
        count = config.get("num_labels", 2)
        if count > _MAX_LABELS:
            raise ValueError(f"{count:,} labels")
        return tuple(f"LABEL_{i}" for i in range(count))
    names = config["id2label"]
    return tuple(str(names[str(i)]) for i in range(len(names)))
