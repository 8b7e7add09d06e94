"""The graph for GPUs, run on the CPU: its mask, its precision, and what the bundle says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from cli.process import Command, error_line
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from tiny_models import write_checkpoint

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import ConfigurationError, SentimentBatchError
from sentiment_batch.export import ExportOptions, ExportReport, export_bundle
from sentiment_batch.export.bert import lay_bert
from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.oracle import Oracle
from sentiment_batch.export.sample import built_in_sample
from sentiment_batch.manifest import Precision, Quantization
from sentiment_batch.scoring import PADDED_MULTIPLE, Scorer, ScoringOptions
from sentiment_batch.sequences import Sequences
from sentiment_batch.session import Device, Session

Export = Callable[[str, Quantization], ExportReport]

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def options_for(checkpoint: Path, output: Path) -> ExportOptions:
    return ExportOptions(str(checkpoint), output, Quantization.NONE, Precision.FP16)


def random_sequences(lengths: list[int]) -> list[list[int]]:
    return [np.random.default_rng(length).integers(4, 200, length).tolist() for length in lengths]


def padded(sequences: list[list[int]], more: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return Sequences.of(sequences).padded(np.arange(len(sequences)), max(map(len, sequences)) + more)


def alone(session: Session, sequences: list[list[int]]) -> np.ndarray:
    return np.concatenate([session.run(np.array([sequence])) for sequence in sequences])


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory, checkpoint: Callable[[str], Path]) -> Session:
    """The tiny BERT in float32, with a mask."""
    path = tmp_path_factory.mktemp("masked") / "model.onnx"
    oracle = Oracle(Checkpoint.open(str(checkpoint("bert"))))
    onnx.save(lay_bert(oracle.config, oracle.weights(), masked=True), path)
    return Session(path, Device.CPU)


@settings(max_examples=25)
@given(LENGTHS, st.integers(0, 20))
def test_padding_changes_nothing(masked: Session, exported: Export, lengths: list[int], more: int) -> None:
    """A padded row run with the mask has the same logits as the row alone in a graph without a mask."""
    sequences = random_sequences(lengths)
    plain = Session(exported("bert", Quantization.NONE).bundle.graph, Device.CPU)
    logits = masked.run(*padded(sequences, more))
    np.testing.assert_allclose(logits, alone(plain, sequences), atol=1e-6)


@settings(max_examples=25)
@given(LENGTHS)
def test_float16_is_close_to_float32(float16: ExportReport, exported: Export, lengths: list[int]) -> None:
    """Logits come out in float32, near those of the float32 graph, padded or not."""
    sequences = random_sequences(lengths)
    half = Session(float16.bundle.graph, Device.CPU)
    exact = alone(Session(exported("bert", Quantization.NONE).bundle.graph, Device.CPU), sequences)
    for logits in (half.run(*padded(sequences)), alone(half, sequences)):
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, exact, atol=0.01)


def test_the_graph_is_float16(float16: ExportReport) -> None:
    """Ids and a mask go in, float32 logits come out; no weight is float32, and the file is over 40% smaller."""
    graph = onnx.load(float16.bundle.graph).graph
    assert [value.name for value in graph.input] == ["input_ids", "attention_mask"]
    assert {value.type.tensor_type.elem_type for value in graph.input} == {TensorProto.INT64}
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert {tensor.data_type for tensor in graph.initializer} == {TensorProto.FLOAT16, TensorProto.INT64}
    assert float16.description.measured["fp16_bytes"] < 0.6 * float16.description.measured["float_bytes"]


def test_no_arithmetic_with_shapes(float16: ExportReport) -> None:
    """The graph computes nothing with shapes: ONNX Runtime would do that on the CPU, which a CUDA session refuses."""
    assert "Shape" not in {node.op_type for node in onnx.load(float16.bundle.graph).graph.node}


def test_the_padded_plan_gives_the_same_labels(float16: ExportReport, exported: Export) -> None:
    """Batches padded as for a GPU give, on the CPU, the same results as batches of equal length."""
    bundle = float16.bundle
    texts = built_in_sample().texts
    options = ScoringOptions(threads=2, batch_tokens=512)
    session = Session(bundle.graph, Device.CPU)
    with Scorer(bundle, session, options) as scorer:
        plain = scorer.score(texts)
    session.pads = True
    with Scorer(bundle, session, options) as scorer:
        padded = scorer.score(texts)
    with Scorer.load(exported("bert", Quantization.NONE).bundle.folder, ScoringOptions(Device.CPU)) as scorer:
        exact = scorer.score(texts)
    np.testing.assert_allclose(padded.probabilities, plain.probabilities, atol=1e-6)
    np.testing.assert_array_equal(padded.n_tokens, plain.n_tokens)
    assert plain.padding_tokens == 0
    assert 0 < padded.padding_tokens < PADDED_MULTIPLE * len(texts)
    np.testing.assert_allclose(padded.probabilities, exact.probabilities, atol=0.001)
    # Random weights find some labels about equally likely.
    clear = np.diff(np.sort(exact.probabilities)[:, -2:])[:, 0] > 0.002
    assert clear.mean() > 0.5
    labels = [scores.probabilities[clear].argmax(axis=1).tolist() for scores in (padded, plain, exact)]
    assert labels[0] == labels[1] == labels[2]


def test_manifest_and_card_name_the_precision(float16: ExportReport) -> None:
    """Manifest and card say what the graph is and how close it came to float32."""
    bundle = ModelBundle.load(float16.bundle.folder)
    assert bundle.graph.name == "model_fp16.onnx"
    manifest = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))
    assert (manifest["precision"], manifest["quantization"], manifest["opset"]) == ("fp16", "none", 24)
    agreement = manifest["measured"]["samples"]["built-in sample"]["agreement"]
    assert 0.98 <= agreement <= 1
    card = (bundle.folder / "README.md").read_text("utf-8")
    assert "`model_fp16.onnx`" in card
    assert "float16, for GPUs" in card
    assert f"{agreement:.2%}" in card
    assert float16.summary().startswith(f"wrote {bundle.folder}: fp16, 5 labels")


def test_a_graph_that_float16_ruins_is_refused(tmp_path: Path) -> None:
    """Weights too large for float16 fail the export, and nothing is left behind."""

    def unfit_for_float16(model: Any) -> None:
        """Shrink what the normalizations yield and grow the weights that read it: the same in float32."""
        for name, module in model.named_modules():
            if name.endswith("attention.output.LayerNorm"):
                module.weight *= 1e-8
                module.bias *= 1e-8
            elif name.endswith("intermediate.dense"):
                module.weight *= 1e8

    checkpoint = write_checkpoint(tmp_path / "checkpoint", change=unfit_for_float16)
    with pytest.raises(SentimentBatchError, match=r"fp16 gives another label than float for \d+\.\d\d% of 118 texts"):
        export_bundle(options_for(checkpoint, tmp_path / "bundle"), {})
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_other_architectures_are_refused(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """Other architectures are refused: optimum's graphs compute with shapes, which no GPU session accepts."""
    with pytest.raises(ConfigurationError, match=r"float16 export supports BERT checkpoints only.* is a roberta"):
        export_bundle(options_for(checkpoint("roberta"), tmp_path / "bundle"), {})


def test_int8_and_float16_exclude_each_other(tmp_path: Path, checkpoint: Callable[[str], Path]) -> None:
    """--precision fp16 and --quantize exclude each other: a bundle is for GPUs or for CPUs."""
    words = ("export", "--checkpoint", checkpoint("bert"), "--precision", "fp16", "--quantize")
    result = Command(tmp_path)(*words)
    assert result.code == 2
    assert error_line(result) == "--precision fp16 is for GPUs, --quantize for CPUs: export a bundle for each"
    assert list(tmp_path.iterdir()) == []


def test_the_same_checkpoint_gives_the_same_graph(float16: ExportReport, tmp_path: Path, checkpoint: Any) -> None:
    """Exporting the same checkpoint again gives the same bytes."""
    again = export_bundle(options_for(checkpoint("bert"), tmp_path / "again"), {})
    assert again.bundle.graph.read_bytes() == float16.bundle.graph.read_bytes()
