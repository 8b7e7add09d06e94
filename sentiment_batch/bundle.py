"""The bundle: the folder that holds a model, written by the build side and read by the run side.

With a manifest (`bundle.json`) every file is checked against its size and hash. A folder without one is accepted in
the layouts in use on the Hugging Face hub. This module never opens a graph.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.graph_file import require_self_contained
from sentiment_batch.polarity import polarities
from sentiment_batch.temperature import UNSCALED, Temperature

MANIFEST = "bundle.json"
FLOAT_GRAPH = "model.onnx"
FLOAT16_GRAPH = "model_fp16.onnx"
QUANTIZED_GRAPH = "model_quantized.onnx"
SCHEMA_VERSION = 1

_DEFAULT = Path(__file__).resolve().parent / "models" / "default"


class Quantization(StrEnum):
    """Dynamic int8 with one activation scale per token vector, or per batch; or float32."""

    PER_ROW = "per-row"
    PER_TENSOR = "per-tensor"
    NONE = "none"


class Precision(StrEnum):
    """Of what is not quantized: float32, or, for GPUs, float16 in a graph that takes padded batches with a mask."""

    FP32 = "fp32"
    FP16 = "fp16"


@dataclass(frozen=True)
class Description:
    """What a manifest says beyond the files: `origin` and `measured` are records for people, kept as they are."""

    labels: tuple[str, ...]
    polarities: tuple[float, ...] | None
    max_tokens: int
    quantization: Quantization
    opset: int
    origin: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    temperature: Temperature = UNSCALED
    precision: Precision = Precision.FP32

    @property
    def graph(self) -> str:
        """The name of the one graph's file."""
        if self.quantization is not Quantization.NONE:
            return QUANTIZED_GRAPH
        return FLOAT16_GRAPH if self.precision is Precision.FP16 else FLOAT_GRAPH


@dataclass(frozen=True)
class ModelBundle:
    """A model on disk, checked: which graph to run, how to tokenize for it, what its outputs mean.

    `polarities` holds one number in [-1, 1] per label, or None where the labels have no order. `temperature` is 1 where
    none was fitted. `sha256` identifies everything that a prediction depends on.
    """

    folder: Path
    graph: Path
    tokenizer: Path
    labels: tuple[str, ...]
    polarities: tuple[float, ...] | None
    max_tokens: int
    quantized: bool
    sha256: str
    temperature: Temperature = UNSCALED

    @classmethod
    def load(cls, folder: Path | None = None, *, quantized: bool | None = None) -> Self:
        """Read and check a bundle; the embedded default without `folder`.

        `quantized` asks for the int8 or the float graph; None takes int8 where there is one. Raises
        ConfigurationError for a file that is missing, altered or ambiguous.
        """
        folder = _DEFAULT if folder is None else folder
        if not folder.is_dir():
            raise ConfigurationError(f"no model folder at {folder}")
        if (folder / MANIFEST).is_file():
            try:
                return cls._with_manifest(folder, quantized)
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"{folder / MANIFEST} is not a bundle manifest: {type(error).__name__}: {error}"
                ) from error
        if (folder / "model.safetensors").is_file() and not _graphs(folder):
            raise ConfigurationError(f"{folder} is a checkpoint: run `sentiment-batch export --checkpoint {folder}`")
        return cls._without_manifest(folder, quantized)

    @classmethod
    def _with_manifest(cls, folder: Path, quantized: bool | None) -> Self:
        manifest = read_manifest(folder)
        for name, expected in manifest["files"].items():
            _check_file(folder, name, expected)
        listed = [folder / name for name in manifest["files"] if name.endswith(".onnx")]
        graph = _choose(folder, listed, quantized)
        tokenizer = folder / "tokenizer.json"
        if tokenizer.name not in manifest["files"]:
            raise ConfigurationError(f"{folder / MANIFEST} lists no tokenizer.json: export the bundle again")
        labels = tuple(str(label["name"]) for label in manifest["labels"])
        _require_different(labels, folder / MANIFEST)
        return cls(
            folder=folder,
            graph=graph,
            tokenizer=tokenizer,
            labels=labels,
            polarities=_listed_polarities(manifest["labels"]),
            max_tokens=int(manifest["max_tokens"]),
            quantized=_is_quantized(graph),
            sha256=sha256_of(folder / MANIFEST),
            temperature=_listed_temperature(manifest),
        )

    @classmethod
    def _without_manifest(cls, folder: Path, quantized: bool | None) -> Self:
        graph = _choose(folder, _graphs(folder), quantized)
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
            quantized=_is_quantized(graph),
            sha256=digest.hexdigest(),
        )


def write_manifest(folder: Path, description: Description) -> None:
    """Describe every file in `folder` in its `bundle.json`."""
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    values = description.polarities or [None] * len(description.labels)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "files": files,
        "labels": [{"name": name, "polarity": value} for name, value in zip(description.labels, values, strict=True)],
        "max_tokens": description.max_tokens,
        "temperature": asdict(description.temperature),
        "quantization": description.quantization.value,
        "precision": description.precision.value,
        "opset": description.opset,
        "origin": description.origin,
        "measured": description.measured,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest as it is written; raises ConfigurationError if it is not one that this version reads."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version = manifest["schema_version"]
        complete = {"files", "labels", "max_tokens"} <= manifest.keys()
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not a bundle manifest: {type(error).__name__}: {error}") from error
    if not manifest.get("labels", True):
        raise ConfigurationError(f"{path} is not a bundle manifest: no labels")
    if version != SCHEMA_VERSION or not complete:
        raise ConfigurationError(f"{path} has schema version {version}; this version reads {SCHEMA_VERSION}")
    return dict(manifest)


def read_config(path: Path) -> tuple[tuple[str, ...], int]:
    """Labels in the order of the model's outputs, and the most tokens it reads, from a Hugging Face config.json.

    Raises ConfigurationError if it has none, or two of one name.
    """
    try:
        config = json.loads(path.read_text("utf-8"))
        names = config["id2label"]
        labels = tuple(str(names[str(i)]) for i in range(len(names)))
        positions = most_tokens(config)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not a sequence classifier's config: {type(error).__name__}: {error}"
        ) from error
    _require_different(labels, path)
    return labels, positions


def _require_different(labels: tuple[str, ...], path: Path) -> None:
    """Each has a column of its own, where a space becomes an underscore; raises ConfigurationError."""
    columns = Counter(label.replace(" ", "_") for label in labels)
    twice = [label for label in labels if columns[label.replace(" ", "_")] > 1]
    if twice:
        raise ConfigurationError(f"{path} has two labels called {twice[0]!r}: give each a name of its own")


def most_tokens(config: Mapping[str, Any]) -> int:
    """How many tokens a model of that configuration has positions for; raises KeyError, TypeError or ValueError."""
    positions = int(config["max_position_embeddings"])
    # RoBERTa numbers its positions from the padding id on.
    if config.get("model_type") in {"roberta", "xlm-roberta", "camembert"}:
        positions -= int(config.get("pad_token_id", 1)) + 1
    return positions


def _graphs(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")])


def _is_quantized(graph: Path) -> bool:
    return any(mark in graph.stem for mark in ("quant", "int8"))


def _choose(folder: Path, graphs: list[Path], quantized: bool | None) -> Path:
    """The one graph for the job, and nothing but a graph; int8 goes first where nothing is asked for."""
    for wanted in (True, False) if quantized is None else (quantized,):
        candidates = [graph for graph in graphs if _is_quantized(graph) is wanted]
        if len(candidates) > 1:
            names = " and ".join(graph.relative_to(folder).as_posix() for graph in candidates)
            raise ConfigurationError(f"{folder} has several graphs for the same job: {names}; keep one")
        if candidates:
            require_self_contained(candidates[0])
            return candidates[0]
    if graphs and quantized is False:
        raise ConfigurationError(
            f"{folder} has int8 graphs only, whose integer products ONNX Runtime has for CPUs alone: make a bundle for "
            "GPUs with `sentiment-batch export --precision fp16`, or use --device cpu"
        )
    kind = {None: "", True: "int8 ", False: "float "}[quantized]
    raise ConfigurationError(f"{folder} has no {kind}ONNX graph ({FLOAT_GRAPH} or {QUANTIZED_GRAPH})")


def _check_file(folder: Path, name: str, expected: Mapping[str, Any]) -> None:
    path = folder / name
    if Path(name).is_absolute() or path.resolve() != folder.resolve() / name:
        raise ConfigurationError(f"{folder / MANIFEST} lists {name!r}, which is not a plain file of the bundle")
    if not path.is_file():
        raise ConfigurationError(f"{folder} lacks {name}: copy or export the bundle again")
    if path.stat().st_size != expected["bytes"] or sha256_of(path) != expected["sha256"]:
        raise ConfigurationError(f"{path} is not the file that was exported: copy or export the bundle again")


def _listed_polarities(labels: list[dict[str, Any]]) -> tuple[float, ...] | None:
    values = [label["polarity"] for label in labels]
    return None if None in values else tuple(map(float, values))


def _listed_temperature(manifest: Mapping[str, Any]) -> Temperature:
    """1 where the manifest names none: bundles without are as good as any."""
    return Temperature.from_record(manifest["temperature"]) if "temperature" in manifest else UNSCALED


def sha256_of(path: Path) -> str:
    """Of the file's content, in hexadecimal; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
