"""The identity of a training: all that affects its result. While it is unchanged, training may be resumed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from sentiment_batch.training.checkpoint import checkpoint_sha256
from sentiment_batch.training.corpora import Corpus, LabelledTexts
from sentiment_batch.training.recipe import Recipe

_PACKAGES = ("sentiment-batch", "tokenizers", "torch", "transformers")


def identity_of(recipe: Recipe, corpora: Sequence[Corpus]) -> dict[str, dict[str, Any]]:
    """Return `settings`, `versions` and the hashes of `content`, as they read back from JSON; raises OSError."""
    settings = {
        "base": recipe.base,
        "labels": recipe.labels,
        "corpora": [spec.name for spec in recipe.corpora],
        **asdict(recipe.options),
        **{f"{key} of {spec.name}": value for spec in recipe.corpora for key, value in asdict(spec).items()},
    }
    checkpoints = dict.fromkeys((recipe.base, *recipe.options.teachers))
    identity = {
        "settings": settings,
        "versions": {name: version(name) for name in _PACKAGES},
        "content": {f"the data of {corpus.name}": _corpus_sha256(corpus) for corpus in corpora}
        | {f"the checkpoint {name}": checkpoint_sha256(name) for name in checkpoints},
    }
    as_read: dict[str, dict[str, Any]] = json.loads(json.dumps(identity))
    return as_read


def changes(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Describe in words what has changed."""
    found = []
    for part, values in now.items():
        for name, value in values.items():
            was = before[part].get(name, value)  # new corpora show up in `corpora`
            if was != value:
                found.append(f"{name} changed" if part == "content" else f"{name} was {was}, is {value}")
    return found


def _corpus_sha256(corpus: Corpus) -> str:
    """Hash the texts and labels as split, rather than the files, which may be rewritten or moved."""
    parts: dict[str, LabelledTexts] = {"": corpus.train, **corpus.held_back()}
    content = {name: [part.texts, part.labels.tolist()] for name, part in parts.items()}
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
