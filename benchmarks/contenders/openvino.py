"""OpenVINO on optimum's graph: float32, or int8 by NNCF with static activation scales."""

import sys
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.contenders import Layout, Setting
from benchmarks.contenders.length_sorted import LengthSorted, Run
from benchmarks.contenders.optimum import float_graph
from benchmarks.contenders.tokens import Tokens, encoder, padded
from benchmarks.process import ROOT


@dataclass(frozen=True)
class OpenVino(LengthSorted):
    precision: str
    packages = ("openvino", "nncf", "optimum-onnx", "onnxruntime", "torch", "transformers")

    @property
    def title(self) -> str:
        return "OpenVINO, " + {"float32": "float32", "int8": "int8 (NNCF)"}[self.precision]

    def prepare(self, setting: Setting) -> None:
        openvino = _openvino()
        model = openvino.Core().read_model(float_graph(setting))
        if self.precision == "int8":
            import nncf

            texts = (ROOT / "export" / "sample_texts.txt").read_text("utf-8").splitlines()
            sample = [padded([tokens]) for tokens in encoder(setting)(texts)]
            names = {name for value in model.inputs for name in value.names}
            feeds = [{name: array for name, array in feed.items() if name in names} for feed in sample]
            model = nncf.quantize(
                model, nncf.Dataset(feeds), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(feeds)
            )
        openvino.save_model(model, self._model(setting), compress_to_fp16=False)

    def open(self, setting: Setting, layout: Layout) -> Run:
        # OpenVINO may choose the precision of what int8 leaves in floating point; float32 must stay float32.
        precision = {"INFERENCE_PRECISION_HINT": "f32"} if self.precision == "float32" else {}
        threads = {"NUM_STREAMS": layout.runners, "INFERENCE_NUM_THREADS": layout.runners * layout.threads}
        model = _openvino().Core().compile_model(self._model(setting), "CPU", precision | threads)
        names = {name for value in model.inputs for name in value.names}
        idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(layout.runners):
            idle.put(model.create_infer_request())

        def run(sequences: Tokens) -> npt.NDArray[np.float32]:
            request = idle.get()
            outputs = request.infer({name: array for name, array in padded(sequences).items() if name in names})
            logits: npt.NDArray[np.float32] = outputs[0].copy()
            idle.put(request)
            return logits

        return run

    def _model(self, setting: Setting) -> Path:
        return setting.models / f"openvino-{self.precision}.xml"


def _openvino() -> Any:
    # Without this package, OpenVINO and NNCF send no telemetry.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino
