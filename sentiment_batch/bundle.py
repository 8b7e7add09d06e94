"""The bundle: the folder that holds a model, written by the build side and read by the run side.

With a manifest every file is checked against its size and hash. A folder without one is accepted in the layouts in use
on the Hugging Face hub. This module never opens a graph.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.graph_file import require_self_contained
from sentiment_batch.hashing import sha256_of
from sentiment_batch.labels import polarities, require_names
from sentiment_batch.manifest import FLOAT_GRAPH, MANIFEST, QUANTIZED_GRAPH, check_files, read_manifest, trained_on
from sentiment_batch.model_config import read_config
from sentiment_batch.temperature import UNSCALED, Temperature

_DEFAULT = Path(__file__).resolve().parent / "models" / "default"
# A line of every model card that export writes.
_CARD_TAG = b"\n- sentiment-batch\n"


@dataclass(frozen=True)
class ModelBundle:
    """A model on disk, checked: which graph to run, how to tokenize for it, what its outputs mean.

    `polarities` holds one number in [-1, 1] per label, or None where the labels have no order. `temperature` is 1 where
    none was fitted. `sha256` identifies everything that a prediction depends on. `trained_on`: the sha256 of each file
    whose texts it was trained on, as far as its manifest says.
    """

    folder: Path
    graph: Path
    tokenizer: Path
    labels: tuple[str, ...]
    polarities: tuple[float, ...] | None
    max_tokens: int
    sha256: str
    temperature: Temperature = UNSCALED
    trained_on: frozenset[str] = frozenset()

    @classmethod
    def load(cls, folder: Path | None = None, *, only_float: bool = False) -> Self:
        """Read and check a bundle; the embedded default without `folder`.

        The int8 graph is taken where there is one; with `only_float`, as GPUs need it, never. Raises ConfigurationError
        for a file that is missing, altered or ambiguous.
        """
        folder = _DEFAULT if folder is None else folder
        if not folder.is_dir():
            raise ConfigurationError(f"no model folder at {folder}")
        if (folder / MANIFEST).is_file():
            return cls._with_manifest(folder, only_float)
        if os.path.lexists(folder / MANIFEST) or _has_card(folder):
            raise ConfigurationError(f"{folder} is a bundle without its {MANIFEST}: copy or export the bundle again")
        if (folder / "model.safetensors").is_file() and not _graphs(folder):
            raise ConfigurationError(f"{folder} is a checkpoint: run `sentiment-batch export --checkpoint {folder}`")
        return cls._without_manifest(folder, only_float)

    @classmethod
    def _with_manifest(cls, folder: Path, only_float: bool) -> Self:
        manifest = read_manifest(folder)
        check_files(folder, manifest["files"])
        graph = _choose(folder, [folder / name for name in manifest["files"] if name.endswith(".onnx")], only_float)
        if "tokenizer.json" not in manifest["files"]:
            raise ConfigurationError(f"{folder / MANIFEST} lists no tokenizer.json: export the bundle again")
        labels = tuple(label["name"] for label in manifest["labels"])
        require_names(labels, folder / MANIFEST)
        values = [label["polarity"] for label in manifest["labels"]]
        return cls(
            folder=folder,
            graph=graph,
            tokenizer=folder / "tokenizer.json",
            labels=labels,
            polarities=None if None in values else tuple(value for value in values if value is not None),
            max_tokens=manifest["max_tokens"],
            sha256=sha256_of(folder / MANIFEST),
            temperature=manifest["temperature"],
            trained_on=trained_on(manifest["origin"].get("training", [])),
        )

    @classmethod
    def _without_manifest(cls, folder: Path, only_float: bool) -> Self:
        graph = _choose(folder, _graphs(folder), only_float)
        tokenizer, config_path = folder / "tokenizer.json", folder / "config.json"
        for path in (tokenizer, config_path):
            if not path.is_file():
                raise ConfigurationError(f"{folder} has no {path.name}: a model folder needs one")
        labels, max_tokens = read_config(config_path)
        digest = hashlib.sha256("".join(sha256_of(path) for path in (graph, tokenizer, config_path)).encode("ascii"))
        return cls(
            folder=folder,
            graph=graph,
            tokenizer=tokenizer,
            labels=labels,
            polarities=polarities(labels),
            max_tokens=max_tokens,
            sha256=digest.hexdigest(),
        )


def _has_card(folder: Path) -> bool:
    """Whether the folder has the model card that every export writes: without its manifest it is not what it was."""
    card = folder / "README.md"
    return card.is_file() and _CARD_TAG in card.read_bytes()


def _graphs(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")])


def _choose(folder: Path, graphs: list[Path], only_float: bool) -> Path:
    """The one graph for the job; raises ConfigurationError if there is none, or several, or it is no graph."""
    quantized = [graph for graph in graphs if any(mark in graph.stem for mark in ("quant", "int8"))]
    exact = [graph for graph in graphs if graph not in quantized]
    candidates = exact if only_float else quantized or exact
    if not candidates and quantized:
        raise ConfigurationError(
            f"{folder} has int8 graphs only, which ONNX Runtime can run only on CPUs: make a bundle for "
            "GPUs with `sentiment-batch export --precision fp16`, or use --device cpu"
        )
    if not candidates:
        raise ConfigurationError(f"{folder} has no ONNX graph ({FLOAT_GRAPH} or {QUANTIZED_GRAPH})")
    if len(candidates) > 1:
        names = " and ".join(graph.relative_to(folder).as_posix() for graph in candidates)
        raise ConfigurationError(f"{folder} has several graphs for the same purpose: {names}; keep one")
    require_self_contained(candidates[0])
    return candidates[0]
