"""Where a checkpoint comes from: its pretrained base and the stages of fine-tuning since, as training recorded them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment_batch.errors import ConfigurationError


def lineage(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a checkpoint's metrics.json says of each stage of its training, the oldest first; empty if it says nothing.

    Raises ConfigurationError if training did not write it so.
    """
    try:
        return [_stage(stage) for stage in (*metrics.get("earlier_stages", []), metrics) if "recipe" in stage]
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            "the checkpoint's metrics.json is not as `train` writes it: remove it to export without its record"
        ) from error


def _stage(metrics: Mapping[str, Any]) -> dict[str, Any]:
    recipe = metrics["recipe"]
    weights = {corpus["name"]: corpus.get("weight", 1.0) for corpus in recipe["corpora"]}
    return {
        "base": _name(recipe["base"]),
        "teachers": [_name(teacher) for teacher in recipe["options"].get("teachers", ())],
        "epochs": recipe["options"]["epochs"],
        "rows": {
            name: {"train": rows["train"], "dev": rows["dev"], "weight": weights[name]}
            for name, rows in metrics["rows"].items()
        },
        "train_sha256": dict(metrics.get("train_sha256", {})),
        **{key: metrics[key] for key in ("steps", "best_step") if key in metrics},
    }


def _name(checkpoint: str) -> str:
    """Without the folders above it, which are the machine's own."""
    return Path(checkpoint).name if Path(checkpoint).is_absolute() else checkpoint
