"""Load labelled texts, split so that all texts of a group are on the same side."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sentiment_batch.columns import GROUP_COLUMNS, LABEL_COLUMNS, TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, ConfigurationError, NoInputError, naming
from sentiment_batch.hashing import sha256_of
from sentiment_batch.labels import polarities
from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, read_table
from sentiment_batch.training.recipe import CorpusSpec
from sentiment_batch.training.trees import is_trees, phrases


@dataclass(frozen=True)
class LabelledTexts:
    """N texts with their labels, int64 [N], as indices into the recipe's labels.

    `groups`: of each text, what it has in common with others that are like it, such as the phrases of one sentence.
    """

    texts: list[str]
    labels: npt.NDArray[np.int64]
    groups: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: npt.NDArray[np.int64]) -> "LabelledTexts":
        return LabelledTexts([self.texts[i] for i in rows], self.labels[rows], [self.groups[i] for i in rows])

    def sample(self, rows: int, seed: int) -> "LabelledTexts":
        """Draw at most `rows` of the texts without replacement, keeping their order."""
        if rows >= len(self):
            return self
        return self.select(np.sort(np.random.default_rng(seed).choice(len(self), rows, replace=False)))


@dataclass(frozen=True)
class Corpus:
    """A corpus, split into training and held-out texts.

    `train_sha256`: of the file that the training texts are in, empty for a pipe. For trees with a file of their own for
    `dev`, which are sentences: `sentences`: those of the training texts, which are all phrases. `phrases`: all distinct
    phrases of the held-out sentences. `unseen_phrases`: those that are not a phrase of any training sentence.
    """

    name: str
    train: LabelledTexts
    dev: LabelledTexts
    train_sha256: str
    sentences: LabelledTexts | None = None
    phrases: LabelledTexts | None = None
    unseen_phrases: LabelledTexts | None = None

    def held_back(self) -> dict[str, LabelledTexts]:
        """Return all held-out parts, by name, on which a model trained on this corpus may be evaluated."""
        parts = {
            self.name: self.dev,
            f"{self.name}, phrases": self.phrases,
            f"{self.name}, unseen phrases": self.unseen_phrases,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def counterparts(self) -> dict[str, LabelledTexts]:
        """Return training texts of the same kind for each held-out part, by its name."""
        return dict.fromkeys(self.held_back(), self.train) | {self.name: self.sentences or self.train}


def load_corpus(spec: CorpusSpec, folder: Path, labels: tuple[str, ...]) -> Corpus:
    """Read and split the corpus; raises NoInputError, BadDataError or UsageError naming file and column."""
    path = folder / spec.train
    sha256 = sha256_of(path) if path.is_file() else ""  # a pipe is read once
    if spec.dev is None:
        examples = _read(path, spec, labels)
        held = np.array([_fraction(group) < spec.held_out for group in examples.groups], dtype=bool)
        train, dev = (examples.select(np.flatnonzero(rows)) for rows in (~held, held))
        return Corpus(spec.name, train, dev, sha256)
    dev_path = folder / spec.dev
    if not is_trees(path):
        return Corpus(spec.name, _read(path, spec, labels), _read(dev_path, spec, labels), sha256)
    train, phrases = _read(path, spec, labels), _read(dev_path, spec, labels)
    seen = set(train.texts)
    unseen = np.array([i for i, text in enumerate(phrases.texts) if text not in seen], dtype=np.int64)
    sentences, dev = (read_sentences(each, labels) for each in (path, dev_path))
    return Corpus(spec.name, train, dev, sha256, sentences, phrases, phrases.select(unseen))


def load_labelled(spec: CorpusSpec, folder: Path, labels: tuple[str, ...]) -> LabelledTexts:
    """Load all of `spec.train`, unsplit, for evaluation; of trees, the sentences. Raises as `load_corpus` does."""
    path = folder / spec.train
    return read_sentences(path, labels) if is_trees(path) else _read(path, spec, labels)


def is_labelled(spec: CorpusSpec, folder: Path) -> bool:
    """Whether `spec.train` has labels: trees, a named label column, or one with a known name."""
    path = folder / spec.train
    if is_trees(path) or spec.label_column is not None:
        return True
    return any(name in LABEL_COLUMNS for name in _table(path, spec).column_names)


def load_texts(spec: CorpusSpec, folder: Path) -> list[str]:
    """Load the texts of a table, without labels; null and empty ones are left out."""
    table = _table(folder / spec.train, spec)
    column = find_column(table.column_names, spec.text_column, TEXT_COLUMNS, "--text-column")
    return [text for text in table.column(column).to_pylist() if text]


def _fraction(group: str) -> float:
    """Hash a group to a fixed number in [0, 1), so that the split needs no state and survives added rows."""
    return int.from_bytes(hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64


def _read(path: Path, spec: CorpusSpec, labels: tuple[str, ...]) -> LabelledTexts:
    return _read_phrases(path, labels) if is_trees(path) else _read_table(path, spec, labels)


def read_sentences(path: Path, labels: tuple[str, ...]) -> LabelledTexts:
    """Read the sentences from a file of trees, which count the labels from the most negative on."""
    sentences = [nodes[-1] for nodes in _trees(path, labels)]
    texts = [text for text, _ in sentences]
    return LabelledTexts(texts, np.array([label for _, label in sentences], dtype=np.int64), texts)


def _read_phrases(path: Path, names: tuple[str, ...]) -> LabelledTexts:
    """Read the distinct phrases of all trees, each with its first label and, as group, its first sentence."""
    found: dict[str, tuple[int, str]] = {}
    for nodes in _trees(path, names):
        sentence = nodes[-1][0]
        for phrase, label in nodes:
            found.setdefault(phrase, (label, sentence))
    labels = np.array([label for label, _ in found.values()], dtype=np.int64)
    return LabelledTexts(list(found), labels, [sentence for _, sentence in found.values()])


def _trees(path: Path, labels: tuple[str, ...]) -> Iterator[list[tuple[str, int]]]:
    values = polarities(labels) or range(len(labels))
    ascending = sorted(range(len(labels)), key=values.__getitem__)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    nodes = list(phrases(line.decode("utf-8").rstrip("\r\n")))
                except (BadDataError, UnicodeDecodeError) as error:
                    raise BadDataError(f"{path}: line {number}: {error}") from error
                if max(label for _, label in nodes) >= len(labels):
                    raise BadDataError(f"{path}: line {number}: a label beyond the {len(labels)} labels of the model")
                yield [(phrase, ascending[label]) for phrase, label in nodes]
    except FileNotFoundError as error:
        raise NoInputError(f"{path}: no such file") from error


def _read_table(path: Path, spec: CorpusSpec, labels: tuple[str, ...]) -> LabelledTexts:
    table = _table(path, spec)
    names = table.column_names
    with naming(path):
        text_column = find_column(names, spec.text_column, TEXT_COLUMNS, "--text-column")
        label_column = find_column(names, spec.label_column, LABEL_COLUMNS, "--label-column")
        group_column = next((name for name in GROUP_COLUMNS if name in names), text_column)
        if spec.group_column is not None:
            group_column = find_column(names, spec.group_column, (), "--group-column")
    texts = table.column(text_column).to_pylist()
    named = map(str, table.column(group_column).to_pylist())
    # A row without a group has nothing in common with others like it.
    groups = [str(text) if group in ("", "None", "nan") else group for group, text in zip(named, texts, strict=True)]
    ordinals = _ordinals(path, spec, labels)
    places = "" if _are_numbers(labels) else f", nor a number from 0 to {len(labels) - 1} in their place"
    values = [str(value) for value in table.column(label_column).to_pylist()]
    for number, value in enumerate(values, start=1):
        if value not in ordinals:  # the value is not shown: it may be a text, if another column was meant
            wanted = (
                f"which its label_map leaves out: it has {', '.join(spec.label_map)}"
                if spec.label_map
                else f"which is none of the labels {', '.join(labels)}{places}: other values need the "
                "label_map of a recipe"
            )
            raise BadDataError(f"{path}: record {number}: {label_column} holds {_kind(value)}, {wanted}")
    kept = [i for i, text in enumerate(texts) if text]
    kept_labels = np.array([ordinals[values[i]] for i in kept], dtype=np.int64)
    return LabelledTexts([texts[i] for i in kept], kept_labels, [groups[i] for i in kept])


def _ordinals(path: Path, spec: CorpusSpec, labels: tuple[str, ...]) -> dict[str, int]:
    """Map each value that the label column may hold to the index of its label."""
    names = {name: i for i, name in enumerate(labels)}
    if not spec.label_map:
        return names if _are_numbers(labels) else names | {str(i): i for i in range(len(labels))}
    try:
        return {value: names[name] for value, name in spec.label_map.items()}
    except KeyError as error:
        raise ConfigurationError(f"{path}: its label_map names {error.args[0]!r}, which is no label") from error


def _are_numbers(labels: tuple[str, ...]) -> bool:
    """Whether a label is called what would be the place of one, as with stars from "1" to "5": names win."""
    return not {str(i) for i in range(len(labels))}.isdisjoint(labels)


def _kind(value: str) -> str:
    if value in ("", "None"):
        return "nothing"
    return "a number" if re.fullmatch(r"[+-]?[0-9.]+", value) else "a text"


def _table(path: Path, spec: CorpusSpec) -> pa.Table:
    return read_table(Location.parse(str(path)), SourceOptions(text_column=spec.text_column))
