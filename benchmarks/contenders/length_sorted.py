"""The base of contenders that leave batching to their caller: batches are sorted by length and run on threads."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from benchmarks.contenders import Batches, Classify, Contender, Layout, Setting, thread_layouts
from benchmarks.contenders.tokens import Tokens, encoder
from sentiment_batch.model_config import read_config

# Padding included. Runs of 1,024 and 2,048 tokens were slower with every model here.
_BATCH_TOKENS = 512

Run = Callable[[Tokens], npt.NDArray[np.float32]]


class LengthSorted(Contender):
    def layouts(self, cores: int) -> list[Layout]:
        return thread_layouts(cores)

    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        """Return batches of the longest texts first, as many as fit the budget but at least one."""
        batches: list[list[int]] = []
        for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
            if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= _BATCH_TOKENS:
                batches[-1].append(row)
            else:
                batches.append([row])
        return batches

    def load(self, setting: Setting, layout: Layout) -> Classify:
        labels, _ = read_config(setting.checkpoint / "config.json")
        encode = encoder(setting)
        run = self.open(setting, layout)
        runners = ThreadPoolExecutor(layout.runners)

        def classify(texts: Sequence[str]) -> list[str]:
            sequences = encode(texts)
            batches = self.batches(texts, [len(sequence) for sequence in sequences], layout)
            outputs = runners.map(lambda batch: run([sequences[row] for row in batch]), batches)
            found = [""] * len(texts)
            for batch, logits in zip(batches, outputs, strict=True):
                for row, best in zip(batch, logits.argmax(axis=1), strict=True):
                    found[row] = labels[best]
            return found

        return classify

    @abstractmethod
    def open(self, setting: Setting, layout: Layout) -> Run:
        """Load the model; returns a function of B sequences to logits, [B, labels], for `layout.runners` threads."""
