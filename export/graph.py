"""Writing an ONNX graph node by node, with names that a person can follow in a viewer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

# ONNX Runtime's own operators: MatMulIntegerToFloat, Gelu.
MICROSOFT = "com.microsoft"

# The first with Attention; QuantizeLinear has had a scale per block since 21. What optimum writes, in opset 18, means
# the same in it, so that one rewrite serves both graphs.
OPSET = 23


def opset_of(path: Path) -> int:
    """The version of the standard operators that the model in this file uses."""
    return next(int(entry.version) for entry in onnx.load(path).opset_import if not entry.domain)


class GraphBuilder:
    """Nodes and constants in the order in which they were added; a node is named after its (first) output."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Add a constant and return its name; the same name again stands for the same constant."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, op: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        """Add an operator with one output and return the output's name."""
        self._nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def keep(self, node: onnx.NodeProto) -> None:
        """Add a node of another graph as it is."""
        self._nodes.append(node)

    def model(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        inherited: Sequence[onnx.TensorProto] = (),
        opset: int = OPSET,
    ) -> onnx.ModelProto:
        """The finished model; of the `inherited` constants it holds those that a node still reads."""
        used = {tensor for node in self._nodes for tensor in node.input}
        constants = [*(tensor for tensor in inherited if tensor.name in used), *self._constants.values()]
        graph = helper.make_graph(self._nodes, name, inputs, outputs, constants)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
        ir_version = helper.find_min_ir_version_for(opsets, ignore_unknown=True)
        return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, producer_name="sentiment-batch")
