"""Labels: each has a column of its own, and perhaps a place between negative and positive."""

import re
from collections import Counter
from collections.abc import Sequence

from sentiment_batch.errors import ConfigurationError

FIVE_CLASSES = ("very negative", "negative", "neutral", "positive", "very positive")

_RANKS = {name: rank for rank, name in enumerate(FIVE_CLASSES)} | {"neg": 1, "neu": 2, "mixed": 2, "pos": 3}
_STARS = re.compile(r"([1-9])[ _]stars?")


def column_name(label: str) -> str:
    """The label in the name of a column."""
    return label.replace(" ", "_")


def require_distinct(labels: Sequence[str], source: object) -> None:
    """Raise ConfigurationError, naming the `source` of the labels, if two of them would share a column."""
    uses = Counter(map(column_name, labels))
    shared = [label for label in labels if uses[column_name(label)] > 1]
    if shared:
        raise ConfigurationError(f"{source} has two labels called {shared[0]!r}: give each a name of its own")


def polarities(labels: Sequence[str]) -> tuple[float, ...] | None:
    """Return a polarity in [-1, 1] for each label, evenly spaced in the order that the labels' names imply.

    None if the names imply no order, as with `LABEL_0` or emotions: the order is never guessed.
    """
    ranks = [_rank(label.lower().replace("_", " ")) for label in labels]
    if None in ranks or len(set(ranks)) != len(labels) or len(labels) < 2:
        return None
    order = sorted(ranks, key=lambda rank: rank or 0)
    return tuple(2 * order.index(rank) / (len(labels) - 1) - 1 for rank in ranks)


def in_order(values: Sequence[float] | None) -> bool:
    """Return whether labels with these polarities are in order, from most negative to most positive or the reverse."""
    return values is not None and list(values) in (sorted(values), sorted(values, reverse=True))


def _rank(label: str) -> int | None:
    stars = _STARS.fullmatch(label)
    return int(stars[1]) if stars else _RANKS.get(label)
