"""Labels: each has a column of its own, and perhaps a place between negative and positive."""

import re
from collections import Counter
from collections.abc import Sequence

from sentiment_batch.errors import ConfigurationError

FIVE_CLASSES = ("very negative", "negative", "neutral", "positive", "very positive")

_RANKS = {name: rank for rank, name in enumerate(FIVE_CLASSES, start=-2)} | {"neg": -1, "neu": 0, "mixed": 0, "pos": 1}
_SURROGATE = re.compile("[\ud800-\udfff]")
_STARS = re.compile(r"([1-9])[ _]stars?")


def column_name(label: str) -> str:
    """The label in the name of a column."""
    return label.replace(" ", "_")


def require_names(labels: Sequence[str], source: object) -> None:
    """Raise ConfigurationError, naming the `source` of the labels, unless each names a column of its own."""
    unfit = [label for label in labels if not label or _SURROGATE.search(label)]
    if unfit:
        raise ConfigurationError(f"{source} has a label called {unfit[0]!r}, which is no name: give it another")
    uses = Counter(map(column_name, labels))
    shared = [label for label in labels if uses[column_name(label)] > 1]
    if shared:
        raise ConfigurationError(f"{source} has two labels called {shared[0]!r}: give each a name of its own")


def polarities(labels: Sequence[str]) -> tuple[float, ...] | None:
    """Return a polarity in [-1, 1] for each label, as the labels' names imply it.

    Stars are evenly spaced. Of words, neutral is 0 and the strongest is 1 or -1. None if the names imply no order, as
    with `LABEL_0` or emotions: the order is never guessed.
    """
    ranks = _ranks([label.lower().replace("_", " ") for label in labels])
    if ranks is None or len(set(ranks)) < max(2, len(labels)):
        return None
    return tuple(rank / max(map(abs, ranks)) for rank in ranks)


def places_in_order(values: Sequence[float]) -> list[int]:
    """Return the place of each label by its polarity, from 0 for the most negative on."""
    ascending = sorted(set(values))
    return [ascending.index(value) for value in values]


def _ranks(names: Sequence[str]) -> list[int] | None:
    """Return a rank for each name, 0 in the middle; None unless all are stars, or all are words of one scale."""
    stars = [int(found[1]) for name in names if (found := _STARS.fullmatch(name))]
    if stars and len(stars) == len(names):
        return [2 * sorted(stars).index(count) - len(stars) + 1 for count in stars]
    words = [_RANKS[name] for name in names if name in _RANKS]
    return words if len(words) == len(names) else None
