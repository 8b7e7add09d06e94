"""Ways to classify texts, one module each.

A contender makes of the checkpoint, once a run and in a process of its own, what it needs (`prepare`); then, in each
measured process, it loads that (`load`) and returns a function from texts to labels. What it needs is imported in
these two, so that the runner stays small.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

Classify = Callable[[Sequence[str]], list[str]]
Batches = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Setting:
    """The checkpoint as transformers loads it, and a folder for what contenders make of it.

    `threads` cores may be used; `max_tokens` are read of a text, special tokens included, and the rest is cut off.
    `lab` is the program that `contenders.lab` runs, if there is one.
    """

    checkpoint: Path
    models: Path
    threads: int
    max_tokens: int
    lab: Path | None = None


@dataclass(frozen=True)
class Layout:
    """So many runs of the model at a time, each on so many threads; `batch_size` rows a run where that is chosen."""

    runners: int
    threads: int
    batch_size: int | None = None

    def title(self) -> str:
        batch = "" if self.batch_size is None else f", batch {self.batch_size}"
        return f"{self.runners} × {self.threads}{batch}"


class Contender(ABC):
    """`packages` are the distributions that it needs."""

    packages: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def title(self) -> str: ...

    def unavailable(self, setting: Setting) -> str | None:
        """Why it cannot be measured here, if it cannot."""
        missing = [name for name in self.packages if installed(name) is None]
        return f"not installed: {', '.join(missing)}" if missing else None

    @abstractmethod
    def layouts(self, cores: int) -> list[Layout]:
        """The ways to use so many cores that are tried; the best counts."""

    @abstractmethod
    def prepare(self, setting: Setting) -> None:
        """Write what `load` reads into `setting.models`."""

    @abstractmethod
    def load(self, setting: Setting, layout: Layout) -> Classify: ...

    @abstractmethod
    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        """Which texts, of so many tokens each, run together; each batch is as long as its longest text."""


def thread_layouts(cores: int) -> list[Layout]:
    """One run at a time on all cores, and a run of one thread on every core."""
    return list(dict.fromkeys((Layout(1, cores), Layout(cores, 1))))


def batch_size_layouts(cores: int, sizes: Sequence[int] = (1, 8, 32)) -> list[Layout]:
    """One run at a time on all cores, in batches of these sizes."""
    return [Layout(1, cores, size) for size in sizes]


def in_order(order: Sequence[int], size: int | None) -> Batches:
    """Batches of one size along an order."""
    assert size is not None
    return [order[start : start + size] for start in range(0, len(order), size)]


def installed(package: str) -> str | None:
    """The version of a distribution, if it is installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
