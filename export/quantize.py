"""Float graphs to int8: a rewrite of every product with a constant matrix, whatever the model around it.

Per row: each token's vector is scaled by its own largest magnitude, so that what a row becomes never depends on the
rows beside it. The scheme is dynamic, symmetric, 8 bit: unsigned activations around 128 times signed weights with one
scale per output channel (Jacob et al. 2018, "Quantization and Training of Neural Networks"). Unsigned times signed,
because that is the pair that x86 has instructions for.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentiment_batch.export.graph import MICROSOFT, GraphBuilder

FloatArray = npt.NDArray[np.float32]

# A classifier's few columns: nothing to win, and its rounding would go straight into the answer.
_FEWEST_COLUMNS = 16
# Smaller tables, such as positions, hold little and stay exact.
_FEWEST_TABLE_ROWS = 1000


def per_row(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same function of the same inputs in int8, with one activation scale per token vector."""
    return _PerRow(model).model()


def per_tensor(model: onnx.ModelProto) -> onnx.ModelProto:
    """ONNX Runtime's own dynamic int8: one activation scale for the whole batch, so that rows depend on each other."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(target)


class _PerRow:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._source = model.graph
        self._constants = {tensor.name: tensor for tensor in self._source.initializer}
        self._graph = GraphBuilder()
        self._rows: dict[str, tuple[str, str]] = {}

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
        product = f"{node.output[0]}.product"
        self._product(node.input[0], weight.T if attributes.get("transB") else weight, node.input[1], product)
        self._graph.node("Add", [product, node.input[2]], node.output[0])
        return True

    def _gather(self, node: onnx.NodeProto) -> bool:
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        table = self._matrix(node.input[0])
        if table is None or axis != 0 or len(table) < _FEWEST_TABLE_ROWS:
            return False
        graph, (name, ids), output = self._graph, node.input, node.output[0]
        integers, scales = _integers(table, axis=1)
        found = graph.node("Gather", [graph.constant(f"{name}.int8", integers), ids], f"{output}.int8")
        scale = graph.node("Gather", [graph.constant(f"{name}.scales", scales), ids], f"{output}.scales")
        numbers = graph.node("Cast", [found], f"{output}.numbers", to=TensorProto.FLOAT)
        graph.node("Mul", [numbers, scale], output)
        return True

    def _product(self, x: str, weight: FloatArray, name: str, output: str) -> None:
        """`x` [..., in] times `weight` [in, out]."""
        graph = self._graph
        if weight.shape[1] < _FEWEST_COLUMNS:
            self._exact_product(x, weight, name, output)
            return
        integers, scales = _integers(weight, axis=0)
        rows, row_scales = self._quantized_rows(x)
        product = graph.node(
            "MatMulIntegerToFloat",
            [
                rows,
                graph.constant(f"{name}.int8", integers),
                graph.constant("one", np.array(1, np.float32)),
                graph.constant(f"{name}.scales", scales.reshape(-1)),
                graph.constant("middle", np.array(128, np.uint8)),
            ],
            f"{output}.int8",
            domain=MICROSOFT,
        )
        graph.node("Mul", [product, row_scales], output)

    def _exact_product(self, x: str, weight: FloatArray, name: str, output: str) -> None:
        """In float, row by row: as [out, in] x [..., in, 1] each row is a product of its own.

        One product for all rows takes another kernel, with another order of summation, for one row than for many.
        """
        graph = self._graph
        last = graph.constant("last", np.array([-1], np.int64))
        column = graph.node("Unsqueeze", [x, last], f"{output}.input")
        product = graph.node("MatMul", [graph.constant(f"{name}.rows", weight.T), column], f"{output}.rows")
        graph.node("Squeeze", [product, last], output)

    def _quantized_rows(self, x: str) -> tuple[str, str]:
        """`x` as uint8 around 128, and its scale per row [..., 1]; once for all products that read `x`."""
        if x not in self._rows:
            graph = self._graph
            last = graph.constant("last", np.array([-1], np.int64))
            magnitudes = graph.node("Abs", [x], f"{x}.magnitudes")
            largest = graph.node("ReduceMax", [magnitudes, last], f"{x}.largest", keepdims=1)
            # A row of zeros must not divide by zero.
            largest = graph.node("Max", [largest, graph.constant("tiny", np.array(1e-12, np.float32))], f"{x}.range")
            steps = graph.constant("steps", np.array(127, np.float32))
            factor = graph.node("Div", [steps, largest], f"{x}.factor")
            stretched = graph.node("Mul", [x, factor], f"{x}.stretched")
            one, middle = graph.constant("one", np.array(1, np.float32)), graph.constant("middle", np.array(128, np.uint8))
            rows = graph.node("QuantizeLinear", [stretched, one, middle], f"{x}.uint8")
            self._rows[x] = rows, graph.node("Div", [largest, steps], f"{x}.scale")
        return self._rows[x]

    def _matrix(self, name: str) -> FloatArray | None:
        """The constant float32 matrix of that name, if there is one."""
        tensor = self._constants.get(name)
        if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
            return None
        return np.asarray(numpy_helper.to_array(tensor), np.float32)


def _integers(values: FloatArray, axis: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Symmetric int8 with one scale per slice along `axis` (which is kept, with length 1, in the scales)."""
    scales = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-8) / np.float32(127)
    return np.rint(values / scales).astype(np.int8), scales.astype(np.float32)
