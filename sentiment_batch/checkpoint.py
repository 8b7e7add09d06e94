"""A checkpoint, in a folder or from the Hugging Face hub, looked at before any library opens it.

Only JSON and safetensors are ever read. What else a checkpoint can hold may run whatever it likes: weights in pickle
form (CVE-2025-32434, CVE-2026-24747), and code that a configuration names, its own or somebody's attention kernel
(CVE-2026-4372).
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sentiment_batch.errors import ConfigurationError, InputOutputError, TryAgainError, first_line

# Encoders whose graphs take nothing but ids, mask and segment, and whose positions `read_config` knows how to count.
MODEL_TYPES = ("albert", "bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")

_HUB_FILES = ("*.json", "*.txt", "*.model", "model*.safetensors")
# They make transformers load code, or weights that are not the checkpoint's own safetensors.
_REFUSED_KEYS = {"auto_map", "quantization_config", "transformers_weights"}
# An implementation of attention by any other name is looked for on the hub.
_IMPLEMENTATIONS = (None, True, False, "eager", "sdpa")


def find_checkpoint(name: str) -> Path:
    """The folder that `name` is, or into which a checkpoint of that Hugging Face hub id is downloaded.

    Raises ConfigurationError for one that is not there, or not safe to open, InputOutputError for a hub that cannot be
    reached, and TryAgainError for one that fails.
    """
    folder = Path(name) if Path(name).is_dir() else _download(name)
    _check_config(folder / "config.json")
    if (folder / "tokenizer_config.json").is_file():
        read_settings(folder / "tokenizer_config.json")
    if (folder / "adapter_config.json").exists():
        raise ConfigurationError(f"{folder} is an adapter to another checkpoint: merge the two first")
    weight_files(folder)
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint; raises ConfigurationError if there are none, or others are asked for."""
    weights = sorted(folder.glob("model*.safetensors"))
    if not weights:
        pickled = sorted(path.name for suffix in ("bin", "pt", "pth", "pkl") for path in folder.glob(f"*.{suffix}"))
        found = f"only {pickled[0]}, which can run code when it is opened" if pickled else "none"
        raise ConfigurationError(f"{folder} needs weights in model.safetensors; it has {found}")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        named = read_settings(index).get("weight_map")
        if not isinstance(named, dict) or any(folder / str(name) not in weights for name in named.values()):
            raise ConfigurationError(f"{index} names other files than the model*.safetensors beside it")
    return weights


def require_embeddings(vocabulary: Mapping[str, int], embeddings: int, checkpoint: str) -> None:
    """Raise ConfigurationError, naming the `checkpoint`, if a token's id in its `vocabulary` has no embedding."""
    token = max(vocabulary, key=vocabulary.__getitem__)
    if vocabulary[token] >= embeddings:
        raise ConfigurationError(
            f"{checkpoint} has {embeddings} embeddings, but its tokenizer gives {token!r} the id {vocabulary[token]}: "
            "save it with the tokenizer that it was trained with"
        )


def read_settings(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises ConfigurationError if it is none, or makes transformers load code."""

    def check(settings: dict[str, Any]) -> dict[str, Any]:
        for key, value in settings.items():
            if key in _REFUSED_KEYS or ("attn_implementation" in key and value not in _IMPLEMENTATIONS):
                raise ConfigurationError(f"{path} sets {key}, which loads custom code: that is never run")
        return settings

    try:
        content = json.loads(path.read_text("utf-8"), object_hook=check)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} does not hold a JSON object")
    return content


def _check_config(path: Path) -> None:
    model_type = read_settings(path).get("model_type")
    if model_type not in MODEL_TYPES:
        raise ConfigurationError(f"{path} has model_type {model_type!r}; it must be one of {', '.join(MODEL_TYPES)}")


@cache  # what the hub has may change meanwhile: labels and weights are of one checkpoint
def _download(name: str) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    missing = f"there is no folder {name}, and"
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except HFValidationError as error:
        raise ConfigurationError(f"no checkpoint folder at {name}") from error
    except GatedRepoError as error:
        page = f"{constants.ENDPOINT}/{name}"
        raise ConfigurationError(
            f"the hub does not give {name} to you: accept its conditions at {page}, then set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ConfigurationError(f"{missing} it is not on the hub: if it is private, set HF_TOKEN") from error
    except LocalEntryNotFoundError as error:
        if constants.HF_HUB_OFFLINE:
            raise ConfigurationError(f"{missing} HF_HUB_OFFLINE is set: unset it to fetch from the hub") from error
        if isinstance(error.__cause__, HfHubHTTPError):
            raise TryAgainError(f"{missing} the hub has a temporary failure: try again later") from error
        raise InputOutputError(
            f"{missing} the hub cannot be reached: check the network, and HTTPS_PROXY if you need a proxy"
        ) from error
    except OSError as error:
        raise InputOutputError(f"{name} could not be fetched from the hub: {first_line(error)}") from error
