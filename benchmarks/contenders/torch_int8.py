"""PyTorch's dynamic int8: projection weights are quantized beforehand, their inputs with one scale per batch."""

import os
import warnings

import numpy as np
import numpy.typing as npt

from benchmarks.contenders import Layout, Setting
from benchmarks.contenders.length_sorted import LengthSorted, Run
from benchmarks.contenders.tokens import Tokens, padded


class TorchInt8(LengthSorted):
    packages = ("torch", "transformers")

    @property
    def title(self) -> str:
        return "torch, dynamic int8"

    def prepare(self, setting: Setting) -> None:
        """Needs nothing but the checkpoint."""

    def open(self, setting: Setting, layout: Layout) -> Run:
        # `set_num_threads` would apply to the calling thread only.
        os.environ["OMP_NUM_THREADS"] = str(layout.threads)
        import torch
        from transformers import AutoModelForSequenceClassification

        warnings.filterwarnings("ignore", category=DeprecationWarning)
        model = AutoModelForSequenceClassification.from_pretrained(setting.checkpoint, dtype=torch.float32).eval()
        model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)

        def run(sequences: Tokens) -> npt.NDArray[np.float32]:
            feed = {name: torch.from_numpy(array) for name, array in padded(sequences).items()}
            with torch.inference_mode():
                logits: npt.NDArray[np.float32] = model(feed["input_ids"], feed["attention_mask"]).logits.numpy()
            return logits

        return run
