"""ONNX Runtime on optimum's graph, float32 or its own dynamic int8: one activation scale per batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.contenders import Layout, Setting
from benchmarks.contenders.length_sorted import LengthSorted, Run
from benchmarks.contenders.optimum import float_graph
from benchmarks.contenders.tokens import Tokens, padded


@dataclass(frozen=True)
class OnnxRuntime(LengthSorted):
    precision: str
    packages = ("onnxruntime", "optimum-onnx", "torch", "transformers")

    @property
    def title(self) -> str:
        return "onnxruntime, " + {"float32": "float32", "int8": "per-tensor dynamic int8"}[self.precision]

    def prepare(self, setting: Setting) -> None:
        graph = float_graph(setting)
        if self.precision == "int8":
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(graph, self._graph(setting), per_channel=True, weight_type=QuantType.QInt8)

    def open(self, setting: Setting, layout: Layout) -> Run:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = layout.threads
        session = InferenceSession(str(self._graph(setting)), options, providers=["CPUExecutionProvider"])
        names = {value.name for value in session.get_inputs()}

        def run(sequences: Tokens) -> npt.NDArray[np.float32]:
            feed = {name: array for name, array in padded(sequences).items() if name in names}
            logits: npt.NDArray[np.float32] = session.run(None, feed)[0]
            return logits

        return run

    def _graph(self, setting: Setting) -> Path:
        return float_graph(setting) if self.precision == "float32" else setting.models / "onnxruntime-int8.onnx"
