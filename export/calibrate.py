"""How far the channels of a graph's normalized tensors reach, on texts: what the quantizer evens out.

A few channels of a transformer's LayerNorm outputs are many times larger than the rest, the same ones for every text,
and would leave the others few of the 255 steps (Xiao et al. 2023, "SmoothQuant").
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentiment_batch.export.running import run_batches


def channel_reaches(
    model: onnx.ModelProto, sequences: Sequence[list[int]], scratch: Path
) -> dict[str, npt.NDArray[np.float32]]:
    """The largest magnitude in each channel, float32 [n], of the LayerNormalization outputs, by their name.

    `scratch` is a folder for a temporary graph.
    """
    widths = _normalized_widths(model.graph)
    if not widths:
        return {}
    path = scratch / "calibrate.onnx"
    onnx.save(_probe(model, list(widths)), path)
    _, reaches = run_batches(path, sequences)
    largest = np.concatenate(reaches).max(axis=0)
    edges = np.cumsum(list(widths.values()))[:-1]
    return dict(zip(widths, np.split(largest, edges), strict=True))


def _normalized_widths(graph: onnx.GraphProto) -> dict[str, int]:
    """The number of channels of each LayerNormalization output whose scale, a constant, tells it."""
    vectors = {tensor.name: int(tensor.dims[0]) for tensor in graph.initializer if len(tensor.dims) == 1}
    return {
        node.output[0]: vectors[node.input[1]]
        for node in graph.node
        if node.op_type == "LayerNormalization" and node.input[1] in vectors
    }


def _probe(model: onnx.ModelProto, tensors: Sequence[str]) -> onnx.ModelProto:
    """The same graph with one output: the tensors' reaches in a batch, one after the other, float32 [1, sum]."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    graph = probe.graph
    tokens = numpy_helper.from_array(np.array([0], np.int64), "reach.axis")
    graph.initializer.append(tokens)
    reaches = []
    for tensor in tensors:
        rows, sizes, reach = (f"{tensor}.reach.{part}" for part in ("rows", "sizes", "largest"))
        graph.node.append(helper.make_node("Flatten", [tensor], [rows], axis=-1))
        graph.node.append(helper.make_node("Abs", [rows], [sizes]))
        graph.node.append(helper.make_node("ReduceMax", [sizes, tokens.name], [reach], keepdims=1))
        reaches.append(reach)
    graph.node.append(helper.make_node("Concat", reaches, ["reaches"], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("reaches", TensorProto.FLOAT, [1, "channels"]))
    return probe
