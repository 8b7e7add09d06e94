"""A fine-tuned checkpoint on disk, looked at before any library opens it.

Only JSON and safetensors are ever read: weights in pickle form, and configurations that name code of their own, can
run whatever they like.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sentiment_batch.bundle import read_config
from sentiment_batch.errors import ConfigurationError

# Encoders whose graphs take nothing but ids, mask and segment, and whose positions `read_config` knows how to count.
MODEL_TYPES = ("albert", "bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")

_HUB_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "metrics.json", "model*.safetensors*")


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
        folder = Path(name) if Path(name).is_dir() else _download(name)
        config_path, tokenizer = folder / "config.json", folder / "tokenizer.json"
        if not tokenizer.is_file():
            raise ConfigurationError(f"{folder} has no tokenizer.json: save the checkpoint with a fast tokenizer")
        config = _read_json(config_path)
        _check_config(config, config_path)
        weights = _weights(folder)
        labels, positions = read_config(config_path)
        if len(labels) < 2:
            raise ConfigurationError(f"{config_path} has {len(labels)} label: a classifier has two at least")
        return cls(
            folder=folder,
            config=config,
            labels=labels,
            max_tokens=min(positions, _tokenizer_limit(folder / "tokenizer_config.json", positions)),
            metrics=_read_json(folder / "metrics.json") if (folder / "metrics.json").is_file() else {},
            sha256=_sha256([*weights, config_path, tokenizer]),
        )

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except HFValidationError as error:
        raise ConfigurationError(f"no checkpoint folder at {name}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(f"{name} is neither a folder nor on the Hugging Face hub: {reason}") from error


def _check_config(config: Mapping[str, Any], path: Path) -> None:
    if "auto_map" in config:
        raise ConfigurationError(f"{path} names code of its own (auto_map), which is never run")
    if config.get("model_type") not in MODEL_TYPES:
        raise ConfigurationError(
            f"{path} has model_type {config.get('model_type')!r}; it must be one of {', '.join(MODEL_TYPES)}"
        )
    if config.get("problem_type") in {"multi_label_classification", "regression"}:
        raise ConfigurationError(f"{path} is for {config['problem_type']}: only one label a text can be exported")


def _weights(folder: Path) -> list[Path]:
    weights = sorted(folder.glob("model*.safetensors"))
    if weights:
        return weights
    pickled = sorted(path.name for suffix in ("bin", "pt", "pth", "pkl") for path in folder.glob(f"*.{suffix}"))
    found = f"only {pickled[0]}, which can run code when it is opened" if pickled else "none"
    raise ConfigurationError(f"{folder} needs weights in model.safetensors; it has {found}")


def _tokenizer_limit(path: Path, positions: int) -> int:
    """The tokenizer's own limit; transformers writes 10^30 for "none"."""
    limit = _read_json(path).get("model_max_length") if path.is_file() else None
    return int(limit) if isinstance(limit, int | float) and limit > 2 else positions


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} does not hold a JSON object")
    return content


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
