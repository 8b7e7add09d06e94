"""This project's `Scorer`, in one process, on a bundle that it exports of the checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Batches, Classify, Contender, Layout, Setting
from benchmarks.process import run, sentiment_batch
from sentiment_batch.batching import plan_batches
from sentiment_batch.bundle import Quantization


@dataclass(frozen=True)
class SentimentBatch(Contender):
    quantization: Quantization
    packages = ("sentiment-batch", "onnx", "optimum-onnx", "torch", "transformers")

    @property
    def title(self) -> str:
        return (
            "sentiment-batch, "
            + {
                Quantization.PER_ROW: "per-row int8",
                Quantization.PER_TENSOR: "per-tensor int8",
                Quantization.NONE: "float32",
            }[self.quantization]
        )

    def layouts(self, cores: int) -> list[Layout]:
        return [Layout(cores, 1)]

    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        from sentiment_batch.scoring import BATCH_TOKENS
        from sentiment_batch.session import Device

        return [batch.indices.tolist() for batch in plan_batches(lengths, BATCH_TOKENS[Device.CPU])]

    def prepare(self, setting: Setting) -> None:
        # Without its gate: how well the labels agree is a column of the result.
        gate = ("--max-disagreement", "100", "--max-accuracy-drop", "100")
        quantization = ("--quantize", self.quantization.value)
        bundle = self._bundle(setting)
        run(sentiment_batch("export", "--checkpoint", setting.checkpoint, "-o", bundle, *quantization, *gate))

    def load(self, setting: Setting, layout: Layout) -> Classify:
        from sentiment_batch.scoring import Scorer, ScoringOptions
        from sentiment_batch.session import Device
        from sentiment_batch.text import LongText

        # The end of a long text is cut off, as everybody else does, so that the labels can be compared.
        options = ScoringOptions(
            Device.CPU, threads=layout.runners, max_tokens=setting.max_tokens, long_text=LongText.HEAD
        )
        scorer = Scorer.load(self._bundle(setting), options)
        labels = scorer.bundle.labels

        def classify(texts: Sequence[str]) -> list[str]:
            return [labels[best] for best in scorer.score(texts).probabilities.argmax(axis=1)]

        return classify

    def _bundle(self, setting: Setting) -> Path:
        return setting.models / f"sentiment-batch-{self.quantization}"
