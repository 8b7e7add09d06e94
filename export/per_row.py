"""Float graphs to int8: a rewrite of every product with a constant matrix, whatever the model around it.

Per row: each token's vector is scaled by its own largest magnitude, so that what a row becomes never depends on the
rows beside it. The scheme is dynamic, 8 bit: unsigned activations times signed weights with one scale per output
channel (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference"). Unsigned times signed, because that is the pair that x86 has instructions for.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentiment_batch.export.graph import MICROSOFT, GraphBuilder
from sentiment_batch.export.int8 import to_int8

FloatArray = npt.NDArray[np.float32]

# A classifier's few columns: nothing to win, and its rounding would go straight into the answer.
_FEWEST_COLUMNS = 16
# Smaller tables, such as positions, hold little and stay exact.
_FEWEST_TABLE_ROWS = 1000


class _Scheme(NamedTuple):
    """How a row of floats becomes uint8: its reach (largest magnitude, or `least`) is `steps` away from `zero`."""

    zero: int
    steps: int
    least: float
    signed: bool


# A row of zeros must not divide by zero.
_AROUND_ZERO = _Scheme(zero=128, steps=127, least=1e-12, signed=True)
# Gelu yields nothing below -0.17: 32 steps downwards are enough, which leaves 223 upwards instead of 127. The least
# reach is the one that brings -0.17 to 32 steps.
_AFTER_GELU = _Scheme(zero=32, steps=223, least=0.17 * 223 / 32, signed=False)


class _Rows(NamedTuple):
    """A quantized tensor: uint8 [..., n], its scale per row, float32 [..., 1], and its zero point."""

    integers: str
    scale: str
    zero: str


def per_row(model: onnx.ModelProto, reaches: Mapping[str, FloatArray]) -> onnx.ModelProto:
    """The same function of the same inputs in int8, with one activation scale per token vector.

    `reaches` holds the largest magnitude of each channel, float32 [n], for tensors whose channels shall be evened out
    before they are quantized; see calibrate.channel_reaches.
    """
    return _PerRow(model, reaches).model()


class _PerRow:
    def __init__(self, model: onnx.ModelProto, reaches: Mapping[str, FloatArray]) -> None:
        self._source = model.graph
        self._constants = {tensor.name: tensor for tensor in self._source.initializer}
        self._graph = GraphBuilder()
        self._after_gelu = {node.output[0] for node in self._source.node if node.op_type == "Gelu"}
        shared = self._readers_of_shared_weights()
        self._evening = {x: _evening_factors(reach) for x, reach in reaches.items() if x not in shared}
        self._rows: dict[str, _Rows] = {}

    def model(self) -> onnx.ModelProto:
        rewrites: dict[str, Callable[[onnx.NodeProto], bool]] = {
            "MatMul": self._matmul,
            "Gemm": self._gemm,
            "Gather": self._gather,
        }
        for node in self._source.node:
            rewrite = rewrites.get(node.op_type)
            if rewrite is None or not rewrite(node):
                self._graph.keep(node)
        source = self._source
        return self._graph.model(source.name, source.input, source.output, source.initializer)

    def _matmul(self, node: onnx.NodeProto) -> bool:
        weight = self._matrix(node.input[1])
        if weight is None:
            return False
        self._product(node.input[0], weight, node.input[1], node.output[0])
        return True

    def _gemm(self, node: onnx.NodeProto) -> bool:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        weight = self._matrix(node.input[1])
        plain = all(attributes.get(name, 1.0) == 1.0 for name in ("alpha", "beta")) and not attributes.get("transA")
        if weight is None or not plain or len(node.input) != 3:
            return False
        name, product = node.input[1], f"{node.output[0]}.product"
        if attributes.get("transB"):
            weight, name = weight.T, f"{name}.transposed"
        self._product(node.input[0], weight, name, product)
        self._graph.node("Add", [product, node.input[2]], node.output[0])
        return True

    def _gather(self, node: onnx.NodeProto) -> bool:
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        table = self._matrix(node.input[0])
        if table is None or axis != 0 or len(table) < _FEWEST_TABLE_ROWS:
            return False
        graph, (name, ids), output = self._graph, node.input, node.output[0]
        integers, scales = to_int8(table, axis=1)
        found = graph.node("Gather", [graph.constant(f"{name}.table", integers), ids], f"{output}.int8")
        scale = graph.node("Gather", [graph.constant(f"{name}.table.scales", scales), ids], f"{output}.scales")
        numbers = graph.node("Cast", [found], f"{output}.numbers", to=TensorProto.FLOAT)
        graph.node("Mul", [numbers, scale], output)
        return True

    def _product(self, x: str, weight: FloatArray, name: str, output: str) -> None:
        """`x` [..., in] times `weight` [in, out]."""
        graph = self._graph
        if weight.shape[1] < _FEWEST_COLUMNS:
            self._exact_product(x, weight, name, output)
            return
        if x in self._evening:
            weight = weight / self._evening[x][:, np.newaxis]
        integers, scales = to_int8(weight, axis=0)
        rows = self._quantized(x)
        product = graph.node(
            "MatMulIntegerToFloat",
            [
                rows.integers,
                graph.constant(f"{name}.int8", integers),
                graph.constant("one", np.array(1, np.float32)),
                graph.constant(f"{name}.scales", scales.reshape(-1)),
                rows.zero,
            ],
            f"{output}.int8",
            domain=MICROSOFT,
        )
        graph.node("Mul", [product, rows.scale], output)

    def _exact_product(self, x: str, weight: FloatArray, name: str, output: str) -> None:
        """In float, row by row: as [out, in] x [..., in, 1] each row is a product of its own.

        One product for all rows takes another kernel, with another order of summation, for one row than for many.
        """
        graph = self._graph
        last = graph.constant("last", np.array([-1], np.int64))
        column = graph.node("Unsqueeze", [x, last], f"{output}.input")
        product = graph.node("MatMul", [graph.constant(f"{name}.rows", weight.T), column], f"{output}.rows")
        graph.node("Squeeze", [product, last], output)

    def _quantized(self, x: str) -> _Rows:
        """The rows of `x` in integers; once for all products that read `x`."""
        if x not in self._rows:
            scheme = _AFTER_GELU if x in self._after_gelu else _AROUND_ZERO
            even = x
            if x in self._evening:
                even = self._graph.node("Mul", [x, self._graph.constant(f"{x}.evening", self._evening[x])], f"{x}.even")
            self._rows[x] = self._quantize(even, scheme)
        return self._rows[x]

    def _quantize(self, x: str, scheme: _Scheme) -> _Rows:
        graph = self._graph
        last = graph.constant("last", np.array([-1], np.int64))
        one = graph.constant("one", np.array(1, np.float32))
        zero = graph.constant(f"zero.{scheme.zero}", np.array(scheme.zero, np.uint8))
        steps = graph.constant(f"steps.{scheme.zero}", np.array(scheme.steps, np.float32))
        least = graph.constant(f"least.{scheme.zero}", np.array(scheme.least, np.float32))
        sizes = graph.node("Abs", [x], f"{x}.sizes") if scheme.signed else x
        largest = graph.node("ReduceMax", [sizes, last], f"{x}.largest", keepdims=1)
        reach = graph.node("Max", [largest, least], f"{x}.reach")
        # Stretched first and quantized with a scale of 1: QuantizeLinear takes no scale per row.
        stretched = graph.node("Mul", [x, graph.node("Div", [steps, reach], f"{x}.factor")], f"{x}.stretched")
        integers = graph.node("QuantizeLinear", [stretched, one, zero], f"{x}.uint8")
        return _Rows(integers, graph.node("Div", [reach, steps], f"{x}.scale"), zero)

    def _readers_of_shared_weights(self) -> set[str]:
        """Inputs of products whose matrix other products use too, as in ALBERT: it cannot be evened for each."""
        products = [node for node in self._source.node if node.op_type in {"MatMul", "Gemm"}]
        uses = Counter(node.input[1] for node in products)
        return {node.input[0] for node in products if uses[node.input[1]] > 1}

    def _matrix(self, name: str) -> FloatArray | None:
        """The constant float32 matrix of that name, if there is one."""
        tensor = self._constants.get(name)
        if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
            return None
        return np.asarray(numpy_helper.to_array(tensor), np.float32)


def _evening_factors(reach: FloatArray) -> FloatArray:
    """What to multiply each channel with, and divide its weights by: half of the difference, on a logarithmic scale,
    goes to the weights, which are quantized too."""
    factors = 1 / np.sqrt(np.maximum(reach, reach.max() * np.float32(1e-3)))
    normalized: FloatArray = (factors / factors.mean()).astype(np.float32)
    return normalized
