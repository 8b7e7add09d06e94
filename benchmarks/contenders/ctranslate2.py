"""CTranslate2's int8 encoder, with the classifier's last layer, which it lacks, in NumPy."""

import numpy as np
import numpy.typing as npt

from benchmarks.contenders import Layout, Setting
from benchmarks.contenders.length_sorted import LengthSorted, Run
from benchmarks.contenders.tokens import Tokens


class CTranslate2(LengthSorted):
    packages = ("ctranslate2", "safetensors", "torch", "transformers")

    @property
    def title(self) -> str:
        return "CTranslate2, int8"

    def prepare(self, setting: Setting) -> None:
        from ctranslate2.converters import TransformersConverter

        TransformersConverter(str(setting.checkpoint)).convert(str(setting.models / "ctranslate2"), quantization="int8")

    def open(self, setting: Setting, layout: Layout) -> Run:
        from ctranslate2 import Encoder
        from safetensors.numpy import load_file

        weights = load_file(setting.checkpoint / "model.safetensors")
        weight, bias = weights["classifier.weight"].T, weights["classifier.bias"]
        encoder = Encoder(
            str(setting.models / "ctranslate2"),
            device="cpu",
            compute_type="int8",
            inter_threads=layout.runners,
            intra_threads=layout.threads,
        )

        def run(sequences: Tokens) -> npt.NDArray[np.float32]:
            logits: npt.NDArray[np.float32] = np.array(encoder.forward_batch(sequences).pooler_output) @ weight + bias
            return logits

        return run
