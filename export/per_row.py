"""Float graphs to int8: a rewrite of every product with a constant matrix, whatever the model around it.

What a row becomes never depends on the rows beside it: each token's vector is scaled by its own largest magnitude, or,
after a LayerNormalization, which keeps it within bounds, by fixed factors. Unsigned 8-bit activations times signed
weights, one scale per output channel (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference"): that is the pair that x86 has instructions for.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentiment_batch.arrays import FloatArray
from sentiment_batch.export.activations import Activations, QuantizedRows
from sentiment_batch.export.graph import MICROSOFT, GraphBuilder
from sentiment_batch.export.int8 import to_int8, weights_to_int8

# A classifier's few columns: nothing to win, and its rounding would go straight into the answer.
_FEWEST_COLUMNS = 16
# Smaller tables, such as positions, hold little and stay exact.
_FEWEST_TABLE_ROWS = 1000


def per_row(model: onnx.ModelProto, reaches: Mapping[str, FloatArray]) -> onnx.ModelProto:
    """The same function of the same inputs in int8, each token vector quantized by itself.

    `reaches` holds the largest magnitude of each channel, float32 [n], for tensors that shall be quantized with fixed
    factors; see calibrate.channel_reaches.
    """
    return _PerRow(model, reaches).model()


class _PerRow:
    def __init__(self, model: onnx.ModelProto, reaches: Mapping[str, FloatArray]) -> None:
        self._source = model.graph
        self._constants = {tensor.name: tensor for tensor in self._source.initializer}
        self._graph = GraphBuilder()
        after_gelu = {node.output[0] for node in self._source.node if node.op_type == "Gelu"}
        shared = self._readers_of_shared_weights()
        fixed = {x: reach for x, reach in reaches.items() if x not in shared}
        self._activations = Activations(self._graph, fixed, after_gelu)
        # Sums of a product and its bias that were written together with the product.
        self._written: set[str] = set()

    def model(self) -> onnx.ModelProto:
        rewrites: dict[str, Callable[[onnx.NodeProto], bool]] = {
            "MatMul": self._matmul,
            "Gemm": self._gemm,
            "Gather": self._gather,
        }
        for node in self._source.node:
            rewrite = rewrites.get(node.op_type)
            if node.output[0] not in self._written and (rewrite is None or not rewrite(node)):
                self._graph.keep(node)
        source = self._source
        return self._graph.model(source.name, source.input, source.output, source.initializer)

    def _matmul(self, node: onnx.NodeProto) -> bool:
        weight = self._matrix(node.input[1])
        if weight is None:
            return False
        bias, output = self._bias_after(node.output[0])
        self._written.add(output)
        self._product(node.input[0], weight, node.input[1], bias, output)
        return True

    def _gemm(self, node: onnx.NodeProto) -> bool:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        weight = self._matrix(node.input[1])
        plain = all(attributes.get(name, 1.0) == 1.0 for name in ("alpha", "beta")) and not attributes.get("transA")
        if weight is None or not plain or len(node.input) != 3:
            return False
        name = node.input[1]
        if attributes.get("transB"):
            weight, name = weight.T, f"{name}.transposed"
        self._product(node.input[0], weight, name, node.input[2], node.output[0])
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

    def _product(self, x: str, weight: FloatArray, name: str, bias: str | None, output: str) -> None:
        """`x` [..., in] times `weight` [in, out], plus `bias` [out] if there is one."""
        if weight.shape[1] < _FEWEST_COLUMNS:
            product = self._exact_product(x, weight, name, output)
        else:
            rows = self._activations.quantized(x, len(weight))
            if rows.scale is None:
                self._integer_product(rows, weight / self._activations.factors[x][:, np.newaxis], name, bias, output)
                return
            product = self._integer_product(rows, weight, name, None, f"{output}.int8")
            product = self._graph.node("Mul", [product, rows.scale], f"{output}.product" if bias else output)
        if bias:
            self._graph.node("Add", [product, bias], output)

    def _integer_product(
        self, rows: QuantizedRows, weight: FloatArray, name: str, bias: str | None, output: str
    ) -> str:
        graph = self._graph
        integers, scales = weights_to_int8(weight)
        inputs = [
            rows.integers,
            graph.constant(f"{name}.int8", integers),
            graph.constant("one", np.array(1, np.float32)),
            graph.constant(f"{name}.scales", scales),
            rows.zero,
        ]
        if bias:
            # The weights' zero points are left out: they are 0.
            inputs += ["", bias]
        return graph.node("MatMulIntegerToFloat", inputs, output, domain=MICROSOFT)

    def _exact_product(self, x: str, weight: FloatArray, name: str, output: str) -> str:
        """Multiply in float, row by row: as [out, in] x [..., in, 1] each row is a product of its own.

        One product for all rows takes another kernel, with another order of summation, for one row than for many.
        """
        graph = self._graph
        last = graph.constant("last", np.array([-1], np.int64))
        column = graph.node("Unsqueeze", [x, last], f"{output}.input")
        product = graph.node("MatMul", [graph.constant(f"{name}.rows", weight.T), column], f"{output}.rows")
        return graph.node("Squeeze", [product, last], f"{output}.exact")

    def _bias_after(self, product: str) -> tuple[str | None, str]:
        """The constant vector that is added to a product, and the sum; none, and the product, if there is none."""
        readers = [node for node in self._source.node if product in node.input]
        if len(readers) == 1 and readers[0].op_type == "Add":
            bias = next((name for name in readers[0].input if name != product), product)
            if bias in self._constants and len(self._constants[bias].dims) == 1:
                return bias, readers[0].output[0]
        return None, product

    def _readers_of_shared_weights(self) -> set[str]:
        """Inputs of products whose matrix other products use too, as in ALBERT: each would need a matrix of its own."""
        products = [node for node in self._source.node if node.op_type in {"MatMul", "Gemm"}]
        uses = Counter(node.input[1] for node in products)
        return {node.input[0] for node in products if uses[node.input[1]] > 1}

    def _matrix(self, name: str) -> FloatArray | None:
        """The constant float32 matrix of that name, if there is one."""
        tensor = self._constants.get(name)
        if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
            return None
        return np.asarray(numpy_helper.to_array(tensor), np.float32)
