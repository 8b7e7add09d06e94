"""The `text-classification` pipeline of transformers on PyTorch, as its documentation shows it, in file order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import Batches, Classify, Contender, Layout, Setting, batch_size_layouts, in_order


class InPipeline(Contender):
    """A contender whose model runs in the pipeline."""

    def layouts(self, cores: int) -> list[Layout]:
        return batch_size_layouts(cores)

    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        return in_order(range(len(texts)), layout.batch_size)

    def classify_with(self, classifier: Any, setting: Setting, layout: Layout) -> Classify:
        def classify(texts: Sequence[str]) -> list[str]:
            options = {"batch_size": layout.batch_size, "truncation": True, "max_length": setting.max_tokens}
            return [output["label"] for output in classifier(list(texts), **options)]

        return classify


@dataclass(frozen=True)
class Pipeline(InPipeline):
    """The pipeline in `dtype` on `device`, cpu or cuda."""

    dtype: str
    device: str = "cpu"
    packages = ("torch", "transformers")

    @property
    def title(self) -> str:
        return f"transformers pipeline, {self.dtype}" + (", CUDA" if self.device == "cuda" else "")

    def layouts(self, cores: int) -> list[Layout]:
        return batch_size_layouts(cores, (32, 128, 256)) if self.device == "cuda" else super().layouts(cores)

    def prepare(self, setting: Setting) -> None:
        """Needs nothing but the checkpoint; on CUDA, raises PyTorch's error if there is no usable GPU."""
        if self.device == "cuda":
            import torch

            torch.cuda.init()

    def load(self, setting: Setting, layout: Layout) -> Classify:
        import torch
        from transformers import pipeline

        torch.set_num_threads(layout.threads)
        dtype = getattr(torch, self.dtype)
        classifier = pipeline("text-classification", model=str(setting.checkpoint), device=self.device, dtype=dtype)
        return self.classify_with(classifier, setting, layout)
