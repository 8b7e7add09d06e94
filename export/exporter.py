"""The whole export on one screen: checkpoint → float graph → parity → int8 → gate → bundle."""

import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from sentiment_batch.bundle import (
    FLOAT_GRAPH,
    QUANTIZED_GRAPH,
    Description,
    ModelBundle,
    Quantization,
    write_manifest,
)
from sentiment_batch.errors import BadDataError
from sentiment_batch.export import verify
from sentiment_batch.export.bert import can_lay, lay_bert
from sentiment_batch.export.card import render_card
from sentiment_batch.export.chatter import quiet_libraries
from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.graph import OPSET
from sentiment_batch.export.oracle import Oracle
from sentiment_batch.export.quantize import per_row, per_tensor
from sentiment_batch.export.sample import sample_texts
from sentiment_batch.export.staging import staged
from sentiment_batch.polarity import polarities
from sentiment_batch.text import Tokenizer

_QUANTIZERS = {Quantization.PER_ROW: per_row, Quantization.PER_TENSOR: per_tensor}
_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "sentiment-batch")
# Parity holds or fails everywhere; a sample of the texts, evenly spread, tells.
_PARITY_TEXTS = 256
# What a config.json says of the machine that wrote it.
_PRIVATE_KEYS = ("_name_or_path",)


@dataclass(frozen=True)
class ExportOptions:
    """`checkpoint` is a folder or a hub id. The limits are shares in [0, 1]; see verify.check_gate."""

    checkpoint: str
    output: Path
    quantization: Quantization = Quantization.PER_ROW
    max_disagreement: float = 0.02
    max_accuracy_drop: float = 0.005
    force: bool = False


@dataclass(frozen=True)
class ExportReport:
    """The finished bundle and what its manifest and card say of it."""

    bundle: ModelBundle
    description: Description


@dataclass(frozen=True)
class _Sample:
    """Token sequences of the texts to measure on, with their true labels if known."""

    sequences: list[list[int]]
    labels: npt.NDArray[np.int64] | None
    built_in: bool


def export_bundle(
    options: ExportOptions,
    texts: Sequence[str] | None = None,
    labels: Sequence[int] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> ExportReport:
    """Export a checkpoint to a bundle in `options.output`, checked on `texts` (the built-in sample without any).

    `labels` are ordinals of the checkpoint's labels, one per text. `progress` is told each step as it begins. Raises
    ConfigurationError for a checkpoint that cannot be used, CannotWriteError for the output, BadDataError for texts
    and labels that do not fit, and SentimentBatchError if a graph does not pass; the output is then as it was.
    """
    with staged(options.output, force=options.force) as folder:
        checkpoint = Checkpoint.open(options.checkpoint)
        shutil.copyfile(checkpoint.tokenizer, folder / "tokenizer.json")
        sample = _sample(checkpoint, texts, labels)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, quiet_libraries():
            measured = _write_graphs(checkpoint, options, sample, folder, Path(scratch), progress)
        description = Description(
            labels=checkpoint.labels,
            polarities=polarities(checkpoint.labels),
            max_tokens=checkpoint.max_tokens,
            quantization=options.quantization,
            opset=OPSET,
            origin=_origin(checkpoint),
            measured=measured,
        )
        config = {key: value for key, value in checkpoint.config.items() if key not in _PRIVATE_KEYS}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        (folder / "README.md").write_text(render_card(options.output.resolve().name, description), "utf-8")
        write_manifest(folder, description)
    return ExportReport(ModelBundle.load(options.output), description)


def _write_graphs(
    checkpoint: Checkpoint,
    options: ExportOptions,
    sample: _Sample,
    folder: Path,
    scratch: Path,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Write the bundle's graph to `folder` if it passes; returns what was measured."""
    progress("writing optimum's float graph")
    oracle, reference = Oracle(checkpoint), scratch / "optimum.onnx"
    oracle.write_graph(reference)
    measured: dict[str, Any] = {"sample": "built-in" if sample.built_in else "named", "texts": len(sample.sequences)}
    float_path = (scratch if options.quantization in _QUANTIZERS else folder) / FLOAT_GRAPH
    if can_lay(checkpoint.config):
        progress("laying the optimized float graph and comparing it with optimum's")
        model = lay_bert(checkpoint.config, oracle.weights())
        onnx.save(model, float_path)
        some = sample.sequences[:: -(-len(sample.sequences) // _PARITY_TEXTS)]
        parity = verify.check_parity(verify.run_graph(float_path, some), verify.run_graph(reference, some))
        measured |= {"parity": parity, "parity_texts": len(some)}
    else:
        model = onnx.load(reference)
        onnx.save(model, float_path)
    measured["float_bytes"] = float_path.stat().st_size
    if options.quantization in _QUANTIZERS:
        progress(f"quantizing {options.quantization} and measuring on {len(sample.sequences)} texts")
        path = folder / QUANTIZED_GRAPH
        onnx.save(_QUANTIZERS[options.quantization](model), path)
        exact, quantized = (verify.run_graph(graph, sample.sequences) for graph in (float_path, path))
        comparison = verify.compare(quantized, exact, sample.labels)
        verify.check_gate(comparison, options.max_disagreement, options.max_accuracy_drop)
        measured |= {
            "agreement": comparison.agreement,
            "largest_probability_change": comparison.largest_change,
            "accuracy_float": comparison.accuracy_float,
            "accuracy_int8": comparison.accuracy_quantized,
            "int8_bytes": path.stat().st_size,
        }
    return measured


def _sample(checkpoint: Checkpoint, texts: Sequence[str] | None, labels: Sequence[int] | None) -> _Sample:
    chosen = sample_texts() if texts is None else texts
    if labels is not None and len(labels) != len(chosen):
        raise BadDataError(f"{len(chosen)} texts with {len(labels)} labels to measure on: give one label per text")
    encoded = Tokenizer(checkpoint.tokenizer, checkpoint.max_tokens).encode(chosen)
    rows = [row for row, (pieces, _) in enumerate(encoded) if pieces]
    if not rows:
        raise BadDataError("none of the texts to measure on has any tokens: name other texts")
    return _Sample(
        sequences=[encoded[row].pieces[0] for row in rows],
        labels=None if labels is None else np.array([labels[row] for row in rows], dtype=np.int64),
        built_in=texts is None,
    )


def _origin(checkpoint: Checkpoint) -> dict[str, Any]:
    recipe = checkpoint.metrics.get("recipe", {})
    training = {key: checkpoint.metrics[key] for key in ("rows", "steps", "best_step", "dev") if key in checkpoint.metrics}
    return {
        "checkpoint_sha256": checkpoint.sha256,
        "architecture": checkpoint.config["model_type"],
        "base": recipe.get("base"),
        "training": training,
        "graph": "optimized" if can_lay(checkpoint.config) else "optimum",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }
