"""The texts to measure on, by kind."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import read_texts, snippets

REVIEWS = Path("imdb", "train.jsonl.gz")
PHRASES = Path("kaggle", "train_first40681.tsv")

_SNIPPETS_PER_TEXT = (10, 14)
_MAX_WORDS_PER_PHRASE = 12


@dataclass(frozen=True)
class Workload:
    """Texts of one kind, and a line on where they come from."""

    name: str
    origin: str
    texts: list[str]

    def sample(self, rows: int, seed: int) -> "Workload":
        """Draw at most `rows` of the texts without replacement, keeping their order."""
        return Workload(self.name, self.origin, _sample(self.texts, rows, seed))

    def markdown(self) -> str:
        words = sum(len(text.split()) for text in self.texts) / len(self.texts)
        return f"- {self.name}: {len(self.texts):,} rows, {words:.0f} words each on average; {self.origin}"

    def facts(self) -> dict[str, Any]:
        return {"name": self.name, "origin": self.origin, "rows": len(self.texts)}


@dataclass(frozen=True)
class Texts:
    """Where to find texts: fetched into `data_folder`, below `reviews`, or in the files `short` and `long`."""

    data_folder: Path
    reviews: Path | None
    short: Path | None
    long: Path | None
    seed: int

    def workload(self, name: str, rows: int) -> Workload:
        """Return a sample of at most `rows` texts, or of a quarter as many if they are long."""
        make = {"short": self._short, "long": self._long, "mixed": self._mixed, "phrases": self._phrases}[name]
        return make().sample(max(1, rows // 4) if name in ("long", "mixed") else rows, self.seed)

    def _short(self) -> Workload:
        """Movie-review snippets, or the texts of a file."""
        if self.short is not None:
            return Workload("short", str(self.short), read_texts(self.short))
        texts = snippets(self.data_folder)["movie"]
        return Workload("short", f"{len(texts):,} movie-review snippets of vaderSentiment 3.3.2", texts)

    def _long(self) -> Workload:
        """The texts of a file, else full-length reviews below the folder `reviews`, else texts composed of snippets."""
        if self.long is not None:
            return Workload("long", str(self.long), read_texts(self.long))
        if self.reviews is not None:
            return Workload("long", f"full-length reviews, {REVIEWS}", read_texts(self.reviews / REVIEWS))
        texts = compose(snippets(self.data_folder)["movie"], self.seed)
        low, high = _SNIPPETS_PER_TEXT
        return Workload("long", f"composed: {low} to {high} movie-review snippets each, seed {self.seed}", texts)

    def _mixed(self) -> Workload:
        """As many short texts as long ones, shuffled."""
        short, long = self._short(), self._long()
        rows = min(len(short.texts), len(long.texts))
        texts = _sample(short.texts, rows, self.seed) + _sample(long.texts, rows, self.seed)
        return Workload("mixed", "short and long texts, as many of each", _shuffled(texts, self.seed))

    def _phrases(self) -> Workload:
        """The phrases of the Kaggle competition below the folder `reviews`, else phrases cut out of snippets."""
        if self.reviews is not None:
            return Workload("phrases", f"phrases, {PHRASES}", read_texts(self.reviews / PHRASES))
        texts = cut_phrases(snippets(self.data_folder)["movie"], self.seed)
        most = _MAX_WORDS_PER_PHRASE
        return Workload("phrases", f"1 to {most} words cut out of movie-review snippets, seed {self.seed}", texts)


def compose(parts: Sequence[str], seed: int) -> list[str]:
    """Shuffle the parts and join runs of them, each part used once; a remainder too short for a run is left out."""
    source = random.Random(seed)
    shuffled = source.sample(parts, len(parts))
    texts = []
    start, length = 0, source.randint(*_SNIPPETS_PER_TEXT)
    while start + length <= len(shuffled):
        texts.append(" ".join(shuffled[start : start + length]))
        start, length = start + length, source.randint(*_SNIPPETS_PER_TEXT)
    return texts


def cut_phrases(texts: Sequence[str], seed: int) -> list[str]:
    """Cut a random run of words out of each text."""
    source = random.Random(seed)
    phrases = []
    for words in map(str.split, texts):
        length = source.randint(1, min(_MAX_WORDS_PER_PHRASE, len(words)))
        start = source.randint(0, len(words) - length)
        phrases.append(" ".join(words[start : start + length]))
    return phrases


def _sample(texts: list[str], rows: int, seed: int) -> list[str]:
    if rows >= len(texts):
        return texts
    chosen = sorted(random.Random(seed).sample(range(len(texts)), rows))
    return [texts[i] for i in chosen]


def _shuffled(texts: list[str], seed: int) -> list[str]:
    return random.Random(seed).sample(texts, len(texts))
