"""The same pipeline on optimum's ORTModelForSequenceClassification, with optimum's own dynamic int8."""

from pathlib import Path

from benchmarks.contenders import Classify, Layout, Setting
from benchmarks.contenders.pipeline import InPipeline

_GRAPH = "model_quantized.onnx"


def float_graph(setting: Setting) -> Path:
    """Return optimum's float32 graph of the checkpoint (ids, mask and segments to logits), exported on first use."""
    folder = setting.models / "optimum-float32"
    if not folder.is_dir():
        from optimum.onnxruntime import ORTModelForSequenceClassification

        unfinished = folder.with_suffix(".unfinished")
        ORTModelForSequenceClassification.from_pretrained(setting.checkpoint, export=True).save_pretrained(unfinished)
        unfinished.rename(folder)
    return folder / "model.onnx"


class Optimum(InPipeline):
    packages = ("optimum-onnx", "onnxruntime", "torch", "transformers")

    @property
    def title(self) -> str:
        return "optimum ORTModel pipeline, dynamic int8"

    def prepare(self, setting: Setting) -> None:
        from optimum.onnxruntime import ORTQuantizer
        from optimum.onnxruntime.configuration import AutoQuantizationConfig

        quantizer = ORTQuantizer.from_pretrained(float_graph(setting).parent)
        # One scale per output channel, as in the int8 of onnxruntime here.
        recipe = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
        quantizer.quantize(recipe, save_dir=setting.models / "optimum-int8")

    def load(self, setting: Setting, layout: Layout) -> Classify:
        from onnxruntime import SessionOptions
        from optimum.onnxruntime import ORTModelForSequenceClassification
        from transformers import AutoTokenizer, pipeline

        options = SessionOptions()
        options.intra_op_num_threads = layout.threads
        model = ORTModelForSequenceClassification.from_pretrained(
            setting.models / "optimum-int8", file_name=_GRAPH, session_options=options
        )
        tokenizer = AutoTokenizer.from_pretrained(setting.checkpoint)
        classifier = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
        return self.classify_with(classifier, setting, layout)
