"""ONNX Runtime's own dynamic int8: one activation scale for a whole batch, so that its rows depend on each other."""

import tempfile
from pathlib import Path

import onnx
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic


def per_tensor(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same function of the same inputs in int8, with one activation scale per batch."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            target,
            per_channel=True,
            weight_type=QuantType.QInt8,
            # ONNX's Attention is taken for ONNX Runtime's older operator of that name.
            nodes_to_exclude=[node.name for node in model.graph.node if node.op_type == "Attention"],
            # It cannot infer the types of what ONNX Runtime's own operators yield: all of it is float.
            extra_options={"DefaultTensorType": TensorProto.FLOAT, "MatMulConstBOnly": True},
        )
        return onnx.load(target)
