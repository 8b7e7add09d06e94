from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.export import ExportReport
from sentiment_batch.export.graph import MICROSOFT
from sentiment_batch.export.int8 import weights_to_int8
from sentiment_batch.manifest import Quantization
from sentiment_batch.session import Device, Session
from sentiment_batch.text import Tokenizer

Product = Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[np.int64]]

TEXTS = ["Not bad at all!", "a dull , lifeless film that never once surprises", "I had an awesome day :)"]


def exact(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return left.astype(np.int64) @ right.astype(np.int64)


def saturating(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Multiply uint8 [..., k] by int8 [k, n] as AVX2's VPMADDUBSW does: pairs of products are added in 16 bits."""
    pairs = np.stack([left[..., i : i + 2].astype(np.int64) @ right[i : i + 2] for i in range(0, len(right), 2)])
    total: npt.NDArray[np.int64] = np.clip(pairs, -(2**15), 2**15 - 1).sum(axis=0)
    return total


def evaluator(model: onnx.ModelProto, product: Product) -> ReferenceEvaluator:
    """Return the graph in NumPy, with ONNX Runtime's own operators as documented."""

    class MatMulIntegerToFloat(OpRun):
        op_domain = MICROSOFT

        def _run(self, a, b, a_scale, b_scale, a_zero, b_zero=None, bias=None):  # type: ignore[no-untyped-def]
            shift = a_zero.astype(np.int64) * b.astype(np.int64).sum(axis=0)
            floats = (product(a, b) - shift).astype(np.float32) * (a_scale * b_scale)
            return (floats if bias is None else floats + bias,)

    class Gelu(OpRun):
        op_domain = MICROSOFT

        def _run(self, x, approximate=None):  # type: ignore[no-untyped-def]
            return (torch.nn.functional.gelu(torch.tensor(x)).numpy(),)

    return ReferenceEvaluator(model, new_ops=[MatMulIntegerToFloat, Gelu])


@given(
    np_st.arrays(
        np.float32,
        np_st.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.floats(-10, 10, width=32),
    )
)
def test_products_never_saturate(weights: npt.NDArray[np.float32]) -> None:
    """No uint8 input takes the quantized weights out of 16 bits: neither all greatest values nor those of one sign
    alone.
    """
    integers, scales = weights_to_int8(weights)
    assert (integers.dtype, scales.shape) == (np.int8, weights.shape[1:])
    rows = np.concatenate(
        [np.full((1, len(weights)), 255, np.uint8), np.where(integers.T > 0, 255, 0).astype(np.uint8)]
    )
    np.testing.assert_array_equal(saturating(rows, integers), exact(rows, integers))


def test_greatest_neighbours_saturate() -> None:
    """Weights not quantized this way can saturate."""
    rows, weights = np.full((1, 2), 255, np.uint8), np.full((2, 1), 127, np.int8)
    assert saturating(rows, weights) < exact(rows, weights)


def test_neighbours_that_fit_are_only_rounded() -> None:
    """A column without two large neighbours of one sign is only rounded."""
    weights = np.array([[1.0], [-1.0], [0.5], [0.25]], np.float32)
    integers, scales = weights_to_int8(weights)
    np.testing.assert_allclose(integers * scales, weights, atol=float(scales[0]) / 2)


def require_same_logits(model: onnx.ModelProto, sequences: list[list[int]]) -> None:
    safe, unsafe = evaluator(model, exact), evaluator(model, saturating)
    for sequence in sequences:
        feed = {"input_ids": np.array([sequence])}
        np.testing.assert_array_equal(unsafe.run(None, feed)[0], safe.run(None, feed)[0])


def test_default_model_is_the_same_without_vnni() -> None:
    """The built-in model's logits are the same with saturating products, and equal ONNX Runtime's."""
    bundle = ModelBundle.load()
    encoded = Tokenizer(bundle.tokenizer, bundle.max_tokens).encode(TEXTS)
    sequences = [text.pieces[0] for text in encoded]
    model = onnx.load(bundle.graph)
    require_same_logits(model, sequences)
    logits = evaluator(model, exact).run(None, {"input_ids": np.array([sequences[0]])})[0]
    np.testing.assert_allclose(logits, Session(bundle.graph, Device.CPU).run(np.array([sequences[0]])), atol=0.05)


def test_exported_model_is_the_same_without_vnni(
    exported: Callable[[str, Quantization], ExportReport],
) -> None:
    """The logits of any exported model are the same with saturating products."""
    graph = exported("bert", Quantization.PER_ROW).bundle.graph
    require_same_logits(onnx.load(graph), [[5, 9, 17, 30, 41]])


@pytest.mark.parametrize("model_type", ["distilbert", "roberta"])
def test_weights_of_other_models_never_saturate(
    model_type: str, exported: Callable[[str, Quantization], ExportReport]
) -> None:
    """The weights in graphs not built by hand never saturate either."""
    graph = onnx.load(exported(model_type, Quantization.PER_ROW).bundle.graph).graph
    names = {node.input[1] for node in graph.node if node.op_type == "MatMulIntegerToFloat"}
    weights = [numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name in names]
    assert weights
    for matrix in weights:
        row = np.full((1, len(matrix)), 255, np.uint8)
        np.testing.assert_array_equal(saturating(row, matrix), exact(row, matrix))
