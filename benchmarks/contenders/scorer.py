"""This project's `Scorer`, in one process, tokenization included."""

from collections.abc import Sequence

from benchmarks.contenders import Classify, Setting

TITLE = "sentiment-batch Scorer"
BATCH_SIZES: tuple[int | None, ...] = (None,)


def load(setting: Setting, batch_size: int | None) -> Classify:
    from sentiment_batch.scoring import Scorer, ScoringOptions
    from sentiment_batch.session import Device

    options = ScoringOptions(Device.CPU, threads=setting.threads, max_tokens=setting.max_tokens)
    scorer = Scorer.load(setting.bundle, options)
    labels = scorer.bundle.labels

    def classify(texts: Sequence[str]) -> list[str]:
        return [labels[i] for i in scorer.score(texts).probabilities.argmax(axis=1)]

    return classify
