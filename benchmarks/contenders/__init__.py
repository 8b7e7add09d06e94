"""Ways to classify texts, one module each.

A contender loads its model and returns a function from texts to labels. It may use `Setting.threads` cores in
whatever way suits it best. What it needs is imported in `load`, so that the runner stays small.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Classify = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Setting:
    """The same model as a checkpoint and as a bundle; `max_tokens` are read of a text, special tokens included."""

    checkpoint: Path
    bundle: Path
    threads: int
    max_tokens: int


class Contender(Protocol):
    """A module of this package. `BATCH_SIZES` are tried one by one; None stands for a choice of the contender's."""

    TITLE: str
    BATCH_SIZES: tuple[int | None, ...]

    def load(self, setting: Setting, batch_size: int | None) -> Classify: ...
