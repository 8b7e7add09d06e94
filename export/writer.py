"""The graphs of an export, each measured as it is written."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.export.bert import can_lay, lay_bert
from sentiment_batch.export.calibrate import channel_reaches
from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.gate import Comparison, check_gate, check_parity, compare
from sentiment_batch.export.oracle import Oracle
from sentiment_batch.export.per_row import per_row
from sentiment_batch.export.per_tensor import per_tensor
from sentiment_batch.export.running import run_graph
from sentiment_batch.export.sample import EncodedSample
from sentiment_batch.export.temperature import (
    Probabilities,
    ScoredSample,
    calibration_records,
    fit_temperature,
    labelled,
)
from sentiment_batch.labels import polarities
from sentiment_batch.manifest import FLOAT_GRAPH, Precision, Quantization, graph_name
from sentiment_batch.metrics import measure
from sentiment_batch.scores import softmax
from sentiment_batch.temperature import Temperature

Comparisons = dict[str, Comparison]

# Parity holds or fails everywhere: some texts of each sample, evenly spread, tell.
_PARITY_TEXTS = 100


@dataclass(frozen=True)
class GraphWriter:
    """Writes graphs of a checkpoint and returns what was measured, as it stands in the bundle's manifest.

    `calibration` are the token sequences that per-row quantization reads channel reaches from; `scratch` is a folder
    for graphs that do not outlive the export; `progress` is told each step as it begins.
    """

    checkpoint: Checkpoint
    samples: Mapping[str, EncodedSample]
    calibration: list[list[int]]
    scratch: Path
    progress: Callable[[str], None]

    def write(
        self,
        folder: Path,
        quantization: Quantization,
        precision: Precision,
        max_disagreement: float,
        max_accuracy_drop: float,
    ) -> tuple[Path, dict[str, Any], Temperature]:
        """Write the one graph that a bundle holds, and return where it is, what was measured, and the temperature.

        That is fitted on the samples that have labels; all that is measured is measured with it. Raises
        SentimentBatchError if the graph does not pass, ConfigurationError for a checkpoint that has no float16 form.
        """
        oracle = Oracle(self.checkpoint)
        if precision is Precision.FP16 and not can_lay(oracle.config):
            raise ConfigurationError(
                f"float16 export supports BERT checkpoints only, and {self.checkpoint.folder} is a "
                f"{self.checkpoint.config['model_type']} of another kind: export it without --precision"
            )
        path = folder / graph_name(quantization, precision)
        exact = path if path.name == FLOAT_GRAPH else self.scratch / FLOAT_GRAPH
        measured = self._write_float(exact, oracle)
        probabilities = before = self._score(exact)
        if path != exact:
            self._write_reduced(path, exact, oracle, quantization)
            probabilities = self._score(path)
        scored = labelled(self.samples, probabilities)
        temperature = fit_temperature(scored)
        if path != exact:
            kind = "fp16" if precision is Precision.FP16 else "int8"
            measured[f"{kind}_bytes"] = path.stat().st_size
            comparisons = self._compare(kind, probabilities, before, temperature)
            check_gate(list(comparisons.values()), max_disagreement, max_accuracy_drop)
            records = {name: comparison.record() for name, comparison in comparisons.items()}
        else:
            records = {name: self._measure(sample, temperature) for name, sample in scored.items()}
        for name, record in calibration_records(scored, temperature).items():
            records[name]["calibration"] = record
            records[name]["confusion"] = scored[name].confusion.tolist()
        return path, measured | {"samples": records}, temperature

    def _write_float(self, path: Path, oracle: Oracle) -> dict[str, Any]:
        """Write the float graph, laid by hand or optimum's own, and compare it with PyTorch and with optimum's."""
        self.progress("writing optimum's float graph")
        reference = self.scratch / "optimum.onnx"
        oracle.write_graph(reference)
        # Loaded and saved, optimum's is one file, without data beside it.
        onnx.save(lay_bert(oracle.config, oracle.weights()) if can_lay(oracle.config) else onnx.load(reference), path)
        texts = [sequence for sample in self.samples.values() for sequence in _spread(sample.sequences)]
        self.progress(f"comparing the float graph with PyTorch and optimum's graph on {len(texts):,} texts")
        logits = run_graph(path, texts)
        parity = {
            "pytorch": check_parity(logits, oracle.logits(texts), "PyTorch"),
            "optimum": check_parity(logits, run_graph(reference, texts), "optimum"),
        }
        return {"float_bytes": path.stat().st_size, "parity": parity, "parity_texts": len(texts)}

    def _write_reduced(self, path: Path, exact: Path, oracle: Oracle, quantization: Quantization) -> None:
        """Write the graph in int8, made from the float graph at `exact`; in float16 without a quantization."""
        if quantization is Quantization.NONE:
            self.progress("converting to float16, with a mask")
            masked = lay_bert(oracle.config, oracle.weights(), masked=True)
            # Weights, and what is between; inputs and logits keep their types.
            onnx.save(convert_float_to_float16(masked, keep_io_types=True), path)
            return
        self.progress(f"quantizing: int8, {quantization}")
        model = onnx.load(exact)
        if quantization is Quantization.PER_ROW:
            onnx.save(per_row(model, channel_reaches(model, self.calibration, self.scratch)), path)
        else:
            onnx.save(per_tensor(model), path)

    def _score(self, graph: Path) -> Probabilities:
        """The graph's probabilities for each sample."""
        probabilities = {}
        for name, sample in self.samples.items():
            self.progress(f"scoring {name} with {graph.name}: {len(sample.sequences):,} texts")
            probabilities[name] = softmax(run_graph(graph, sample.sequences))
        return probabilities

    def _compare(
        self, name: str, reduced: Probabilities, exact: Probabilities, temperature: Temperature
    ) -> Comparisons:
        """Int8 or float16 beside float."""
        comparisons = {}
        for sample_name, sample in self.samples.items():
            after, before = (temperature.scale(graph[sample_name], sample.n_tokens) for graph in (reduced, exact))
            comparisons[sample_name] = compare(name, after, before, sample.labels, self._polarities)
        return comparisons

    def _measure(self, sample: ScoredSample, temperature: Temperature) -> dict[str, Any]:
        """How often the float graph is right."""
        metrics = measure(sample.scaled(temperature), sample.labels, self._polarities)
        return {"texts": metrics.rows, "float": asdict(metrics)}

    @property
    def _polarities(self) -> tuple[float, ...] | None:
        return polarities(self.checkpoint.labels)


def _spread(sequences: list[list[int]]) -> list[list[int]]:
    return sequences[:: max(1, len(sequences) // _PARITY_TEXTS)]
