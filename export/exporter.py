"""The whole export on one screen: checkpoint → float graph → parity → int8 → gate → bundle."""

import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnxruntime

from sentiment_batch.behaviour import check_behaviour
from sentiment_batch.bundle import ModelBundle
from sentiment_batch.chatter import quiet_libraries
from sentiment_batch.errors import UsageError
from sentiment_batch.export.card import render_card
from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.graph import opset_of
from sentiment_batch.export.lineage import lineage
from sentiment_batch.export.measurements import summarize
from sentiment_batch.export.sample import BUILT_IN, Sample, built_in_sample, encode_samples
from sentiment_batch.export.staging import staged
from sentiment_batch.export.writer import GraphWriter
from sentiment_batch.labels import polarities
from sentiment_batch.manifest import Description, Precision, Quantization, write_manifest
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device
from sentiment_batch.text import Tokenizer

Progress = Callable[[str], None]

_LIBRARIES = ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "sentiment-batch")
# What a config.json says of the machine that wrote it.
_PRIVATE_KEYS = ("_name_or_path",)


@dataclass(frozen=True)
class ExportOptions:
    """`checkpoint` is a folder or a hub id. The limits are shares in [0, 1]; see gate.check_gate.

    `behaviour` tries the cases of behaviour.toml too. `force` replaces an `output` that holds a bundle. Raises
    UsageError for a `precision` of FP16 with a `quantization`.
    """

    checkpoint: str
    output: Path
    quantization: Quantization
    precision: Precision = Precision.FP32
    max_disagreement: float = 0.02
    max_accuracy_drop: float = 0.005
    behaviour: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        if self.precision is Precision.FP16 and self.quantization is not Quantization.NONE:
            raise UsageError("--precision fp16 is for GPUs, --quantize for CPUs: export a bundle for each")


@dataclass(frozen=True)
class ExportReport:
    """The finished bundle, and what its manifest and card say of it."""

    bundle: ModelBundle
    description: Description

    def summary(self) -> str:
        """A few lines for a terminal."""
        return summarize(self.bundle.folder, self.description)


def export_bundle(
    options: ExportOptions, samples: Mapping[str, Sample], progress: Progress = lambda step: None
) -> ExportReport:
    """Export a checkpoint to a bundle in `options.output`, measured on `samples` (the built-in one if there is none).

    `progress` is told each step as it begins. Raises ConfigurationError for a checkpoint that cannot be used,
    UsageError or CannotWriteError for the output, BadDataError for samples that cannot be used, and
    SentimentBatchError for a graph that does not pass; the output is then as it was.
    """
    with (
        staged(options.output, force=options.force) as folder,
        tempfile.TemporaryDirectory(dir=folder.parent) as scratch,
        quiet_libraries(),
    ):
        checkpoint = Checkpoint.open(options.checkpoint)
        origin = _origin(checkpoint)
        encoder = Tokenizer(checkpoint.tokenizer, checkpoint.max_tokens)
        count = len(checkpoint.labels)
        built_in = {BUILT_IN: built_in_sample()}
        writer = GraphWriter(
            checkpoint=checkpoint,
            samples=encode_samples(samples or built_in, encoder, count),
            # Always the same texts, so that what is measured on named ones says something of others.
            calibration=encode_samples(built_in, encoder, count)[BUILT_IN].sequences,
            scratch=Path(scratch),
            progress=progress,
        )
        graph, measured, temperature = writer.write(
            folder, options.quantization, options.precision, options.max_disagreement, options.max_accuracy_drop
        )
        description = Description(
            labels=checkpoint.labels,
            polarities=polarities(checkpoint.labels),
            max_tokens=checkpoint.max_tokens,
            quantization=options.quantization,
            opset=opset_of(graph),
            origin=origin,
            measured=measured,
            temperature=temperature,
            precision=options.precision,
        )
        shutil.copyfile(checkpoint.tokenizer, folder / "tokenizer.json")
        config = {key: value for key, value in checkpoint.config.items() if key not in _PRIVATE_KEYS}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
        if options.behaviour:
            progress("testing behaviour")
            write_manifest(folder, description)  # so that the worker scores them
            description = replace(description, measured=measured | {"behaviour": _behaviour(folder)})
        (folder / "README.md").write_text(render_card(options.output.resolve().name, description), "utf-8")
        write_manifest(folder, description)
    return ExportReport(ModelBundle.load(options.output), description)


def _behaviour(folder: Path) -> dict[str, dict[str, Any]]:
    """How many cases of each kind the bundle meets, and which it does not."""
    with Scorer.load(folder, ScoringOptions(Device.CPU)) as scorer:
        outcomes = check_behaviour(lambda texts: scorer.score(texts).probabilities, scorer.bundle.polarities)
    return {kind: {"cases": outcome.cases, **asdict(outcome)} for kind, outcome in outcomes.items()}


def _origin(checkpoint: Checkpoint) -> dict[str, Any]:
    stages = lineage(checkpoint.metrics)
    return {
        "checkpoint_sha256": checkpoint.sha256,
        "architecture": checkpoint.config["model_type"],
        "base": stages[0]["base"] if stages else None,
        "training": stages,
        "versions": {
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
            **{name: version(name) for name in _LIBRARIES},
        },
    }
