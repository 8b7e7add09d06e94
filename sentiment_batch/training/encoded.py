"""Labelled texts as token ids for the trainer, and the order of rows in an epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiment_batch.text import Tokenizer
from sentiment_batch.training.corpora import LabelledTexts


@dataclass(frozen=True)
class EncodedTexts:
    """N token sequences with their labels, int64 [N], and a teacher's probabilities, float32 [N, K], if any."""

    tokens: list[list[int]]
    labels: npt.NDArray[np.int64]
    soft_labels: npt.NDArray[np.float32] | None = None

    @classmethod
    def encode(cls, examples: LabelledTexts, tokenizer: Tokenizer) -> "EncodedTexts":
        """Tokenize and cut texts with the code that scoring uses; texts without tokens are left out."""
        pieces = [encoded.pieces for encoded in tokenizer.encode(examples.texts)]
        kept = [row for row, found in enumerate(pieces) if found]
        return cls([pieces[row][0] for row in kept], examples.labels[kept])

    @classmethod
    def concatenate(cls, parts: Sequence["EncodedTexts"]) -> "EncodedTexts":
        """Join the parts in order, without soft labels."""
        return cls(
            [tokens for part in parts for tokens in part.tokens], np.concatenate([part.labels for part in parts])
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, row: int) -> dict[str, Any]:
        example = {"input_ids": self.tokens[row], "label": int(self.labels[row])}
        return example if self.soft_labels is None else example | {"soft_labels": self.soft_labels[row]}


class MixedBatches:
    """A sampler that orders the rows of an epoch so that each batch holds texts of similar length.

    lengths: tokens of each row. parts: how many rows each corpus has, in order. weights: how often an epoch shows each
    row of that corpus; for the fractional part, that share of its rows is drawn anew for every epoch.

    The order depends only on seed and epoch, so that a resumed run continues with the remaining rows.
    """

    # Enough to find rows of similar length in, few enough to keep the rows of a step random.
    _BATCHES_AT_ONCE = 50

    def __init__(
        self, lengths: Sequence[int], parts: Sequence[int], weights: Sequence[float], batch_size: int, seed: int
    ) -> None:
        self._lengths = np.array(lengths)
        self._starts = np.cumsum([0, *parts])
        self._shown = [round(size * weight) for size, weight in zip(parts, weights, strict=True)]
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return sum(self._shown)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self._seed, self._epoch])
        drawn = [
            start + np.resize(generator.permutation(end - start), shown)
            for (start, end), shown in zip(pairwise(self._starts), self._shown, strict=True)
        ]
        rows = generator.permutation(np.concatenate(drawn))
        at_once = self._batch_size * self._BATCHES_AT_ONCE
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            some = some[np.argsort(self._lengths[some], kind="stable")]
            batches = np.split(some, range(self._batch_size, len(some), self._batch_size))
            # A smaller batch stays last. The others must not run from short to long, or training would oscillate.
            for index in [*generator.permutation(len(batches) - 1), len(batches) - 1]:
                yield from batches[index].tolist()
