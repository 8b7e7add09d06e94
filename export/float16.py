"""Float32 graphs in float16, for GPUs: half of the memory, and the arithmetic that their matrix units are built for."""

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16


def to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same function of the same inputs, to float32 outputs, with weights and what is between in float16."""
    return convert_float_to_float16(model, keep_io_types=True)
