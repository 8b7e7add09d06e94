"""Texts to measure on: named by whoever exports, or the built-in sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from sentiment_batch.errors import BadDataError
from sentiment_batch.text import Tokenizer

BUILT_IN = "built-in sample"


@dataclass(frozen=True)
class Sample:
    """Texts, with the ordinals of their true labels where those are known."""

    texts: Sequence[str]
    labels: Sequence[int] | npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class EncodedSample:
    """The token sequences of a sample's texts, without those that have no tokens; `labels` int64 [N], or None."""

    sequences: list[list[int]]
    labels: npt.NDArray[np.int64] | None

    @property
    def n_tokens(self) -> npt.NDArray[np.int64]:
        """The length of each sequence, int64 [N]."""
        return np.array([len(sequence) for sequence in self.sequences], dtype=np.int64)


def built_in_sample() -> Sample:
    """Reviews, phrases and oddities of every length, written for this project, without labels."""
    return Sample((files(__package__) / "sample_texts.txt").read_text("utf-8").splitlines())


def encode_samples(samples: Mapping[str, Sample], encoder: Tokenizer, count: int) -> dict[str, EncodedSample]:
    """Encode each sample for a model of `count` labels; raises BadDataError for one that cannot be used."""
    return {name: _encode(name, sample, encoder, count) for name, sample in samples.items()}


def _encode(name: str, sample: Sample, encoder: Tokenizer, count: int) -> EncodedSample:
    if sample.labels is not None and len(sample.labels) != len(sample.texts):
        raise BadDataError(f"{name} has {len(sample.texts)} texts and {len(sample.labels)} labels: give one for each")
    if sample.labels is not None and not set(sample.labels) <= set(range(count)):
        raise BadDataError(
            f"{name} has a label that is no number from 0 to {count - 1}, the places of the model's labels"
        )
    encoded = encoder.encode(sample.texts)
    rows = [row for row, (pieces, _) in enumerate(encoded) if pieces]
    if not rows:
        raise BadDataError(f"{name} has no text with any tokens: name other texts to measure on")
    labels = None if sample.labels is None else np.asarray(sample.labels, dtype=np.int64)[rows]
    return EncodedSample([encoded[row].pieces[0] for row in rows], labels)
