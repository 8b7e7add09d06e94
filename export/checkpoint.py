"""A fine-tuned checkpoint that can be exported."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sentiment_batch.checkpoint import find_checkpoint, read_settings, weight_files
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.hashing import sha256_of_all
from sentiment_batch.model_config import read_config


@dataclass(frozen=True)
class Checkpoint:
    """A sequence classifier that is safe to open.

    `max_tokens` is the most that both the model's positions and its tokenizer allow. `sha256` covers the weights, the
    configuration and the tokenizer. `metrics` is what training left in metrics.json, if anything.
    """

    folder: Path
    config: Mapping[str, Any]
    labels: tuple[str, ...]
    max_tokens: int
    metrics: Mapping[str, Any]
    sha256: str

    @classmethod
    def open(cls, name: str) -> Self:
        """The checkpoint in a folder, or of a Hugging Face hub id; raises ConfigurationError with what is wrong."""
        folder = find_checkpoint(name)
        config_path, tokenizer = folder / "config.json", folder / "tokenizer.json"
        if not tokenizer.is_file():
            raise ConfigurationError(f"{folder} has no tokenizer.json: save the checkpoint with a fast tokenizer")
        config = read_settings(config_path)
        labels, positions = read_config(config_path)
        _require_classifier(config.get("architectures"), config_path)
        return cls(
            folder=folder,
            config=config,
            labels=labels,
            max_tokens=min(positions, _tokenizer_limit(folder / "tokenizer_config.json", positions)),
            metrics=read_settings(folder / "metrics.json") if (folder / "metrics.json").is_file() else {},
            sha256=sha256_of_all([*weight_files(folder), config_path, tokenizer]),
        )

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"


def _require_classifier(architectures: object, config_path: Path) -> None:
    """Raise ConfigurationError for another kind of model: it may have the weights of a classifier, under its names.

    Such as a BERT that labels tokens, with the pooler that transformers once saved with it.
    """
    names = architectures if isinstance(architectures, list) else []
    if names and not any(str(name).endswith("ForSequenceClassification") for name in names):
        raise ConfigurationError(
            f"{config_path} is that of a {names[0]}: only a …ForSequenceClassification gives a text one label"
        )


def _tokenizer_limit(path: Path, positions: int) -> int:
    """The tokenizer's own limit; transformers writes 10^30 for "none"."""
    limit = read_settings(path).get("model_max_length") if path.is_file() else None
    return int(limit) if isinstance(limit, int | float) and limit > 2 else positions
