"""The `text-classification` pipeline of transformers on PyTorch, as its documentation shows it."""

from collections.abc import Sequence

from benchmarks.contenders import Classify, Setting

TITLE = "transformers pipeline, float32"
BATCH_SIZES: tuple[int | None, ...] = (1, 8, 32)


def load(setting: Setting, batch_size: int | None) -> Classify:
    import torch
    from transformers import pipeline

    torch.set_num_threads(setting.threads)
    classifier = pipeline("text-classification", model=str(setting.checkpoint), device="cpu", dtype=torch.float32)

    def classify(texts: Sequence[str]) -> list[str]:
        outputs = classifier(list(texts), batch_size=batch_size, truncation=True, max_length=setting.max_tokens)
        return [output["label"] for output in outputs]

    return classify
