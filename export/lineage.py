"""Where a checkpoint comes from: its pretrained base and the stages of fine-tuning since, as training recorded them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import msgspec

from sentiment_batch.errors import ConfigurationError


class Rows(TypedDict):
    """Numbers of texts of a corpus, and how often it shows each in an epoch."""

    train: int
    dev: int
    weight: int | float


class Stage(TypedDict):
    """A stage of the training, as a bundle's manifest tells it; `rows` and `train_sha256` by the name of the corpus."""

    base: str
    teachers: list[str]
    epochs: int | float
    rows: dict[str, Rows]
    train_sha256: dict[str, str]
    steps: NotRequired[int]
    best_step: NotRequired[int]


def lineage(metrics: Mapping[str, Any]) -> list[Stage]:
    """What a checkpoint's metrics.json says of each stage of its training, the oldest first; empty if it says nothing.

    Raises ConfigurationError if training did not write it so.
    """
    try:
        return [_stage(stage) for stage in (*metrics.get("earlier_stages", []), metrics) if "recipe" in stage]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            "the checkpoint's metrics.json is not as `train` writes it: remove it to export without its record"
        ) from error


def _stage(metrics: Mapping[str, Any]) -> Stage:
    recipe = metrics["recipe"]
    weights = {corpus["name"]: corpus.get("weight", 1.0) for corpus in recipe["corpora"]}
    stage = {
        "base": _name(recipe["base"]),
        "teachers": [_name(teacher) for teacher in recipe["options"].get("teachers", ())],
        "epochs": recipe["options"]["epochs"],
        "rows": {
            name: {"train": rows["train"], "dev": rows["dev"], "weight": weights[name]}
            for name, rows in metrics["rows"].items()
        },
        "train_sha256": metrics.get("train_sha256", {}),
        **{key: metrics[key] for key in ("steps", "best_step") if key in metrics},
    }
    return msgspec.convert(stage, Stage)


def _name(checkpoint: str) -> str:
    """Without the folders above it, which are the machine's own."""
    return Path(checkpoint).name if Path(checkpoint).is_absolute() else checkpoint
