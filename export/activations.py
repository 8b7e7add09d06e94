"""The inputs of products as unsigned 8-bit integers, each row quantized by itself while the graph runs."""

from collections.abc import Container, Mapping
from typing import NamedTuple

import numpy as np
from onnx import numpy_helper

from sentiment_batch.arrays import FloatArray
from sentiment_batch.export.graph import GraphBuilder


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

# The share of a channel's reach, on a logarithmic scale, that goes to its weights, which are quantized too.
_SHIFTED = np.float32(0.8)


class QuantizedRows(NamedTuple):
    """A quantized tensor, uint8 [..., n], and its zero point.

    `scale`: one per row, float32 [..., 1]; None for fixed factors, by which the weights are divided.
    """

    integers: str
    zero: str
    scale: str | None


class Activations:
    """Writes to `graph` the nodes that quantize a tensor: by fixed factors where its channels' reaches are known.

    `reaches` holds the largest magnitude of each channel, float32 [n], by the tensor's name; `factors`, of the same
    names and shapes, what its channels are multiplied by. `after_gelu` are the tensors that a Gelu yields.
    """

    def __init__(self, graph: GraphBuilder, reaches: Mapping[str, FloatArray], after_gelu: Container[str]) -> None:
        self.factors = {x: _channel_factors(reach) for x, reach in reaches.items()}
        self._graph = graph
        self._after_gelu = after_gelu
        self._quantized: dict[str, QuantizedRows] = {}

    def quantized(self, x: str, width: int) -> QuantizedRows:
        """`x` [..., width] in integers: the same ones for all products that read it."""
        if x not in self._quantized:
            if x in self.factors:
                self._quantized[x] = self._quantize_by_factors(x)
            else:
                self._quantized[x] = self._quantize_by_row(x, width)
        return self._quantized[x]

    def _quantize_by_factors(self, x: str) -> QuantizedRows:
        graph = self._graph
        one = graph.constant("one", np.array(1, np.float32))
        zero = graph.constant(f"zero.{_AROUND_ZERO.zero}", np.array(_AROUND_ZERO.zero, np.uint8))
        even = graph.node("Mul", [x, graph.constant(f"{x}.factors", self.factors[x])], f"{x}.even")
        return QuantizedRows(graph.node("QuantizeLinear", [even, one, zero], f"{x}.uint8"), zero, None)

    def _quantize_by_row(self, x: str, width: int) -> QuantizedRows:
        graph = self._graph
        scheme = _AFTER_GELU if x in self._after_gelu else _AROUND_ZERO
        last = graph.constant("last", np.array([-1], np.int64))
        zero = graph.constant(f"zero.{scheme.zero}", np.array(scheme.zero, np.uint8))
        steps = graph.constant(f"steps.{scheme.zero}", np.array(scheme.steps, np.float32))
        least = graph.constant(f"least.{scheme.zero}", np.array(scheme.least, np.float32))
        sizes = graph.node("Abs", [x], f"{x}.sizes") if scheme.signed else x
        largest = graph.node("ReduceMax", [sizes, last], f"{x}.largest", keepdims=1)
        scale = graph.node("Div", [graph.node("Max", [largest, least], f"{x}.reach"), steps], f"{x}.scale")
        # A block as long as a row is a scale for each row. QuantizeLinear wants as many zero points.
        shape = graph.node("Shape", [scale], f"{x}.scale.shape")
        value = numpy_helper.from_array(np.array([scheme.zero], np.uint8))
        zeros = graph.node("ConstantOfShape", [shape], f"{x}.zeros", value=value)
        integers = graph.node("QuantizeLinear", [x, scale, zeros], f"{x}.uint8", axis=-1, block_size=width)
        return QuantizedRows(integers, zero, scale)


def _channel_factors(reach: FloatArray) -> FloatArray:
    """What to multiply each channel with, float32 [n], so that it fits 8 bits; its weights are divided by the same."""
    factors = 1 / np.maximum(reach, reach.max() * np.float32(1e-3)) ** _SHIFTED
    widest = (reach * factors).max()
    fitted: FloatArray = (factors * _AROUND_ZERO.steps / widest).astype(np.float32)
    return fitted
