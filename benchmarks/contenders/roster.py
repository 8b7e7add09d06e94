"""All contenders by name, in the order in which they take turns."""

from benchmarks.contenders import Contender
from benchmarks.contenders.cross_encoder import CrossEncoder
from benchmarks.contenders.ctranslate2 import CTranslate2
from benchmarks.contenders.lab import Lab
from benchmarks.contenders.onnxruntime import OnnxRuntime
from benchmarks.contenders.openvino import OpenVino
from benchmarks.contenders.optimum import Optimum
from benchmarks.contenders.pipeline import Pipeline
from benchmarks.contenders.sentiment_batch import SentimentBatch
from benchmarks.contenders.torch_int8 import TorchInt8
from sentiment_batch.manifest import Precision, Quantization

CONTENDERS: dict[str, Contender] = {
    "pipeline-float32": Pipeline("float32"),
    "pipeline-bfloat16": Pipeline("bfloat16"),
    "optimum": Optimum(),
    "cross-encoder": CrossEncoder(),
    "torch-int8": TorchInt8(),
    "onnxruntime-float32": OnnxRuntime("float32"),
    "onnxruntime-int8": OnnxRuntime("int8"),
    "openvino-float32": OpenVino("float32"),
    "openvino-int8": OpenVino("int8"),
    "ctranslate2": CTranslate2(),
    "lab": Lab(),
    "sentiment-batch-float32": SentimentBatch(Quantization.NONE),
    "sentiment-batch-per-tensor": SentimentBatch(Quantization.PER_TENSOR),
    "sentiment-batch-per-row": SentimentBatch(Quantization.PER_ROW),
    "pipeline-float16-cuda": Pipeline("float16", "cuda"),
    "sentiment-batch-float16-cuda": SentimentBatch(Quantization.NONE, Precision.FP16),
}

# The first of these that is measured gives the reference labels.
FLOAT = ("pipeline-float32", "onnxruntime-float32", "openvino-float32", "sentiment-batch-float32")
OURS = "sentiment-batch-per-row"
