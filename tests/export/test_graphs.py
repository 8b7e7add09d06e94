from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from transformers import AutoModelForSequenceClassification

from sentiment_batch.export import ExportReport
from sentiment_batch.export.gate import PARITY_TOLERANCE
from sentiment_batch.export.graph import GraphBuilder
from sentiment_batch.export.per_row import per_row
from sentiment_batch.manifest import Quantization
from sentiment_batch.session import Device, Session

Export = Callable[[str, Quantization], ExportReport]

MODEL_TYPES = ("bert", "distilbert", "roberta")


def random_ids(rows: int, length: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(4, 200, (rows, length))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_float_graph_gives_pytorchs_logits(
    model_type: str, exported: Export, checkpoint: Callable[[str], Path]
) -> None:
    """The float bundle's logits are those of the checkpoint in PyTorch."""
    ids = random_ids(3, 40, seed=0)
    session = Session(exported(model_type, Quantization.NONE).bundle.graph, Device.CPU)
    with torch.no_grad():
        expected = AutoModelForSequenceClassification.from_pretrained(checkpoint(model_type))(torch.tensor(ids)).logits
    np.testing.assert_allclose(session.run(ids), expected.numpy(), atol=PARITY_TOLERANCE)


def test_only_bert_is_laid_by_hand(exported: Export) -> None:
    """A BERT graph takes only ids; other models keep optimum's graph with its mask. All record their parity."""
    bert, other = (exported(model_type, Quantization.PER_ROW) for model_type in ("bert", "distilbert"))
    assert [value.name for value in onnx.load(bert.bundle.graph).graph.input] == ["input_ids"]
    assert "attention_mask" in [value.name for value in onnx.load(other.bundle.graph).graph.input]
    for report in (bert, other):
        parity = report.description.measured["parity"]
        assert 0 < parity["pytorch"] <= PARITY_TOLERANCE
        assert parity["optimum"] <= PARITY_TOLERANCE
        assert f"differ from PyTorch's by {parity['pytorch']:.1e}" in (report.bundle.folder / "README.md").read_text()


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@settings(max_examples=25)
@given(rows=st.integers(2, 40), length=st.integers(2, 100), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_a_row_has_the_same_logits_in_any_batch(
    model_type: str, exported: Export, rows: int, length: int, seed: int, data: st.DataObject
) -> None:
    """Per-row int8 gives a row the same logits, to the bit, alone and among any neighbours in any order."""
    session = Session(exported(model_type, Quantization.PER_ROW).bundle.graph, Device.CPU)
    ids = random_ids(rows, length, seed)
    alone = np.concatenate([session.run(row[np.newaxis]) for row in ids])
    batch = np.array(data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=64)))
    np.testing.assert_array_equal(session.run(ids[batch]), alone[batch])


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_per_row_quantizes_every_large_product(model_type: str, exported: Export) -> None:
    """No float product with a weight matrix and no large float table is left."""
    graph = onnx.load(exported(model_type, Quantization.PER_ROW).bundle.graph).graph
    floats = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    products = [node for node in graph.node if node.op_type in {"MatMul", "Gemm"} and node.input[1] in floats]
    tables = [node for node in graph.node if node.op_type == "Gather" and node.input[0] in floats]
    assert products == []
    assert all(len(floats[node.input[0]]) < 1000 or floats[node.input[0]].shape[1] == 1 for node in tables)


def test_products_of_one_tensor_share_its_quantization(exported: Export) -> None:
    """The three projections of one layer's input in optimum's graph quantize that input once."""
    graph = onnx.load(exported("roberta", Quantization.PER_ROW).bundle.graph).graph
    nodes = [node.op_type for node in graph.node]
    assert nodes.count("MatMulIntegerToFloat") == 13
    assert nodes.count("QuantizeLinear") == 9


def test_a_row_of_zeros_stays_zero() -> None:
    """Quantizing a row of zeros does not divide by its largest magnitude."""
    graph = GraphBuilder()
    weight = graph.constant("weight", np.ones((4, 16), np.float32))
    graph.node("MatMul", ["x", weight], "y")
    shape = onnx.helper.make_tensor_value_info
    model = graph.model(
        "product",
        [shape("x", onnx.TensorProto.FLOAT, ["rows", 4])],
        [shape("y", onnx.TensorProto.FLOAT, ["rows", 16])],
    )
    session = onnxruntime.InferenceSession(per_row(model, {}).SerializeToString())
    x = np.array([[0, 0, 0, 0], [1, -2, 3, -4]], np.float32)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], [[0] * 16, [-2] * 16], atol=0.05)


@pytest.mark.parametrize("quantization", [Quantization.PER_ROW, Quantization.PER_TENSOR])
def test_int8_graph_is_a_fraction_of_the_float_graph(quantization: Quantization, exported: Export) -> None:
    """The int8 graph is less than half the size of the float graph, even in a model as small as this one."""
    measured = exported("bert", quantization).description.measured
    assert measured["int8_bytes"] < measured["float_bytes"] / 2
