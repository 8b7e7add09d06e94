"""The manifest of a bundle, `bundle.json`: size and hash of every file, and what the model is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from sentiment_batch.errors import ConfigurationError, first_line
from sentiment_batch.hashing import sha256_of
from sentiment_batch.temperature import UNSCALED, Temperature

MANIFEST = "bundle.json"
FLOAT_GRAPH = "model.onnx"
FLOAT16_GRAPH = "model_fp16.onnx"
QUANTIZED_GRAPH = "model_quantized.onnx"
SCHEMA_VERSION: Literal[1] = 1


class Quantization(StrEnum):
    """Dynamic int8 with one activation scale per token vector, or per batch; or float32."""

    PER_ROW = "per-row"
    PER_TENSOR = "per-tensor"
    NONE = "none"


class Precision(StrEnum):
    """The type of floats: float32, or, for GPUs, float16 in a graph that takes padded batches with a mask."""

    FP32 = "fp32"
    FP16 = "fp16"


@dataclass(frozen=True)
class Description:
    """What a manifest says beyond the files: `origin` and `measured` are records for people, kept as they are.

    Only `origin["training"]`, the stages of the training, is read again, as a Stage.
    """

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
        return graph_name(self.quantization, self.precision)


def graph_name(quantization: Quantization, precision: Precision) -> str:
    """What the file of a bundle's one graph is called."""
    if quantization is not Quantization.NONE:
        return QUANTIZED_GRAPH
    return FLOAT16_GRAPH if precision is Precision.FP16 else FLOAT_GRAPH


class File(TypedDict):
    sha256: str
    bytes: int


class Label(TypedDict):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    polarity: Annotated[float, msgspec.Meta(ge=-1, le=1)] | None


class Stage(TypedDict, total=False):
    """Of a stage of the training: the sha256 of the file with the training texts of each corpus, by its name."""

    train_sha256: dict[str, str]


class Origin(TypedDict, total=False):
    training: list[Stage]


class Manifest(TypedDict):
    """What is read of a manifest; see Description."""

    schema_version: Literal[1]
    files: dict[Annotated[str, msgspec.Meta(pattern=r"^[^\0]+$")], File]
    labels: Annotated[list[Label], msgspec.Meta(min_length=2)]
    # More than any encoder has positions.
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=2**20)]
    temperature: Temperature
    quantization: Quantization
    precision: Precision
    opset: int
    origin: Origin
    measured: dict[str, Any]


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


def read_manifest(folder: Path) -> Manifest:
    """The manifest as it is written; raises ConfigurationError if it is not one that this version reads."""
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, RecursionError, ValueError) as error:
        raise ConfigurationError(
            f"{path} is not a bundle manifest of schema version {SCHEMA_VERSION}: {first_line(error)}: "
            "copy or export the bundle again"
        ) from error


def trained_on(stages: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The sha256 of each file whose texts a model was trained on, as far as the record of its training says."""
    return frozenset(sha256 for stage in stages for sha256 in stage.get("train_sha256", {}).values())


def check_files(folder: Path, files: Mapping[str, File]) -> None:
    """Raise ConfigurationError for a file of the manifest that is missing, altered, or not a plain file of `folder`."""
    for name, expected in files.items():
        path = folder / name
        if Path(name).is_absolute() or path.resolve() != folder.resolve() / name:
            raise ConfigurationError(f"{folder / MANIFEST} lists {name!r}, which is not a plain file of the bundle")
        if not path.is_file():
            raise ConfigurationError(f"{folder} lacks {name}: copy or export the bundle again")
        if path.stat().st_size != expected["bytes"] or sha256_of(path) != expected["sha256"]:
            raise ConfigurationError(f"{path} is not the file that was exported: copy or export the bundle again")
