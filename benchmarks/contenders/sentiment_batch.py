"""This project's `Scorer`, in one process, on a bundle that it exports from the checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Batches, Classify, Contender, Layout, Setting, thread_layouts
from benchmarks.process import run, sentiment_batch
from sentiment_batch.batching import plan_batches
from sentiment_batch.manifest import Precision, Quantization


@dataclass(frozen=True)
class SentimentBatch(Contender):
    """A float16 bundle runs on CUDA, every other on the CPU."""

    quantization: Quantization
    precision: Precision = Precision.FP32
    packages = ("sentiment-batch", "onnx", "optimum-onnx", "torch", "transformers")

    @property
    def title(self) -> str:
        if self._on_cuda:
            return "sentiment-batch, float16, CUDA"
        kinds = {
            Quantization.PER_ROW: "per-row int8",
            Quantization.PER_TENSOR: "per-tensor int8",
            Quantization.NONE: "float32",
        }
        return f"sentiment-batch, {kinds[self.quantization]}"

    def layouts(self, cores: int) -> list[Layout]:
        return [Layout(2, 1)] if self._on_cuda else thread_layouts(cores)

    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        from sentiment_batch.scoring import BATCH_TOKENS, PADDED_MULTIPLE
        from sentiment_batch.session import Device

        plan = (BATCH_TOKENS[Device.CUDA], PADDED_MULTIPLE) if self._on_cuda else (BATCH_TOKENS[Device.CPU], 1)
        return [batch.indices.tolist() for batch in plan_batches(lengths, *plan)]

    def prepare(self, setting: Setting) -> None:
        from sentiment_batch.cuda import require_cuda

        if self._on_cuda:
            require_cuda()
        # The export's quality gate is off: how well the labels agree is a column of the result.
        gate = ("--max-disagreement", "100", "--max-accuracy-drop", "100")
        kind = ("--precision", self.precision) if self._on_cuda else ("--quantize", self.quantization)
        run(sentiment_batch("export", "--checkpoint", setting.checkpoint, "-o", self._bundle(setting), *kind, *gate))

    def load(self, setting: Setting, layout: Layout) -> Classify:
        from sentiment_batch.scoring import Scorer, ScoringOptions
        from sentiment_batch.session import Device
        from sentiment_batch.text import LongText

        # Long texts are truncated at the end, as by all other contenders, so that the labels can be compared.
        device = Device.CUDA if self._on_cuda else Device.CPU
        options = ScoringOptions(
            device,
            layout.runners * layout.threads,
            max_tokens=setting.max_tokens,
            long_text=LongText.HEAD,
            threads_per_run=layout.threads,
        )
        scorer = Scorer.load(self._bundle(setting), options)
        labels = scorer.bundle.labels

        def classify(texts: Sequence[str]) -> list[str]:
            return [labels[best] for best in scorer.score(texts).probabilities.argmax(axis=1)]

        return classify

    def _bundle(self, setting: Setting) -> Path:
        return setting.models / f"sentiment-batch-{self.quantization}-{self.precision}"

    @property
    def _on_cuda(self) -> bool:
        return self.precision is Precision.FP16
