"""Labelled texts from files, split so that texts of one group never stand on both sides."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sentiment_batch.columns import GROUP_COLUMNS, LABEL_COLUMNS, TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, NoInputError
from sentiment_batch.sources import read_table
from sentiment_batch.training.recipe import CorpusSpec
from sentiment_batch.training.trees import phrases


@dataclass(frozen=True)
class LabelledTexts:
    """N texts with their labels, int64 [N], as ordinals of the recipe's labels."""

    texts: list[str]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def sample(self, rows: int, seed: int) -> "LabelledTexts":
        """At most `rows` of the texts, drawn without replacement, in their order."""
        if rows >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), rows, replace=False))
        return LabelledTexts([self.texts[i] for i in chosen], self.labels[chosen])


@dataclass(frozen=True)
class Corpus:
    """One corpus, split into what is trained on and what is held back."""

    name: str
    train: LabelledTexts
    dev: LabelledTexts


def concatenate(parts: Iterable[LabelledTexts]) -> LabelledTexts:
    parts = list(parts)
    return LabelledTexts([text for part in parts for text in part.texts], np.concatenate([part.labels for part in parts]))


def load_corpus(spec: CorpusSpec, folder: Path, labels: tuple[str, ...]) -> Corpus:
    """Read and split the corpus; raises NoInputError, BadDataError or UsageError naming file and column."""
    if spec.dev is not None:
        return Corpus(
            spec.name,
            train=_read(folder / spec.train, spec, labels, every_phrase=True)[0],
            dev=_read(folder / spec.dev, spec, labels, every_phrase=False)[0],
        )
    examples, groups = _read(folder / spec.train, spec, labels, every_phrase=True)
    held = np.array([_fraction(group) < spec.held_out for group in groups], dtype=bool)
    train, dev = (
        LabelledTexts([examples.texts[i] for i in rows], examples.labels[rows])
        for rows in (np.flatnonzero(~held), np.flatnonzero(held))
    )
    return Corpus(spec.name, train, dev)


def _fraction(group: str) -> float:
    """A fixed place in [0, 1) for the group: the split needs no state and survives added rows."""
    return int.from_bytes(hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64


def _read(
    path: Path, spec: CorpusSpec, labels: tuple[str, ...], *, every_phrase: bool
) -> tuple[LabelledTexts, list[str]]:
    """Texts, labels and the group of each text."""
    if not path.is_file():
        raise NoInputError(f"no file at {path}")
    if path.suffix == ".txt":
        return _read_trees(path, every_phrase=every_phrase)
    return _read_table(path, spec, labels)


def _read_trees(path: Path, *, every_phrase: bool) -> tuple[LabelledTexts, list[str]]:
    """Trees: the distinct phrases (the first label wins) or the sentences; a phrase's group is its sentence."""
    found: dict[str, tuple[int, str]] = {}
    sentences: list[tuple[str, int]] = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            nodes = list(phrases(line))
            sentences.append(nodes[-1])
            for phrase, label in nodes:
                found.setdefault(phrase, (label, nodes[-1][0]))
    if not every_phrase:
        texts = [text for text, _ in sentences]
        return LabelledTexts(texts, np.array([label for _, label in sentences], dtype=np.int64)), texts
    return (
        LabelledTexts(list(found), np.array([label for label, _ in found.values()], dtype=np.int64)),
        [sentence for _, sentence in found.values()],
    )


def _read_table(path: Path, spec: CorpusSpec, labels: tuple[str, ...]) -> tuple[LabelledTexts, list[str]]:
    table = read_table(path)
    text_column = find_column(table.column_names, spec.text_column, TEXT_COLUMNS, "--text-column")
    label_column = find_column(table.column_names, spec.label_column, LABEL_COLUMNS, "--label-column")
    texts = table.column(text_column).to_pylist()
    ordinals = {name: i for i, name in enumerate(labels)}
    ordinals |= {str(i): i for i in range(len(labels))}
    ordinals |= {value: ordinals[name] for value, name in spec.label_map.items()}
    values = [str(value) for value in table.column(label_column).to_pylist()]
    unknown = sorted(set(values) - set(ordinals))
    if unknown:
        raise BadDataError(
            f"{path}: {label_column} holds {unknown[0]!r}, which is none of the labels {', '.join(labels)}"
        )
    kept = [i for i, text in enumerate(texts) if text]
    group_column = spec.group_column or next((name for name in GROUP_COLUMNS if name in table.column_names), text_column)
    groups = [str(group) for group in table.column(group_column).to_pylist()]
    return (
        LabelledTexts([texts[i] for i in kept], np.array([ordinals[values[i]] for i in kept], dtype=np.int64)),
        [groups[i] for i in kept],
    )
