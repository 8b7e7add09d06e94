"""Soft labels for distillation: the teachers' probabilities for the student's training texts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sentiment_batch.batching import plan_batches
from sentiment_batch.errors import ConfigurationError, NoInputError
from sentiment_batch.model_config import most_tokens
from sentiment_batch.training.checkpoint import load_pretrained

_BATCH_TOKENS = 4096


def soft_labels(
    teachers: Sequence[Path],
    tokens: Sequence[Sequence[int]],
    labels: tuple[str, ...],
    temperature: float,
    *,
    bfloat16: bool,
) -> npt.NDArray[np.float32]:
    """Return the teachers' mean probabilities at `temperature`, float32 [N, K], for N sequences of token ids.

    `teachers` are checkpoint folders that passed `check_teachers`. Raises ConfigurationError for one that cannot be
    loaded.
    """
    found = np.zeros((len(tokens), len(labels)), dtype=np.float32)
    for teacher in teachers:
        found += _probabilities(teacher, tokens, labels, temperature, bfloat16=bfloat16)
    return found / np.float32(len(teachers))


def _probabilities(
    teacher: Path, tokens: Sequence[Sequence[int]], labels: tuple[str, ...], temperature: float, *, bfloat16: bool
) -> npt.NDArray[np.float32]:
    _, model = load_pretrained(str(teacher), labels)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device).eval()
    found = np.zeros((len(tokens), len(labels)), dtype=np.float32)
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bfloat16):
        for rows, _ in plan_batches([len(sequence) for sequence in tokens], _BATCH_TOKENS):
            logits = model(torch.tensor([tokens[row] for row in rows], device=device)).logits.float()
            found[rows] = (logits / temperature).softmax(dim=1).cpu().numpy()
    return found


def check_teachers(teachers: Sequence[Path], labels: tuple[str, ...], tokenizer: Any, max_tokens: int) -> None:
    """Raise NoInputError for a missing teacher, ConfigurationError for one with other labels or another vocabulary.

    So is one that reads less than `max_tokens`. `tokenizer` is the student's, as transformers loads it.
    """
    for teacher in teachers:
        positions = _check(teacher, labels, json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"])
        require_positions(positions, max_tokens, f"the teacher {teacher}")


def require_positions(positions: int, max_tokens: int, checkpoint: str) -> None:
    """Raise ConfigurationError, naming the `checkpoint`, if it has fewer positions than tokens are to be read."""
    if max_tokens > positions:
        raise ConfigurationError(
            f"{checkpoint} reads at most {positions} tokens, not {max_tokens}: lower --max-tokens, or max_tokens"
        )


def _check(teacher: Path, labels: tuple[str, ...], vocabulary: Any) -> int:
    """Return how many tokens the teacher reads."""
    try:
        config = json.loads((teacher / "config.json").read_text("utf-8"))
        names, positions = config["id2label"], most_tokens(config)
        read = json.loads((teacher / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    except FileNotFoundError as error:
        raise NoInputError(f"no teacher checkpoint at {teacher}: train it first") from error
    except (KeyError, ValueError) as error:
        raise ConfigurationError(f"the teacher {teacher} is not a checkpoint with labels and tokenizer") from error
    if tuple(names.get(str(i)) for i in range(len(names))) != labels:
        raise ConfigurationError(f"the teacher {teacher} has other labels: {', '.join(names.values())}")
    if read != vocabulary:
        raise ConfigurationError(f"the teacher {teacher} reads other tokens than the base checkpoint")
    return positions
