"""Ways to classify texts, one module each.

Once per run, in a process of its own, a contender converts the checkpoint to what it needs (`prepare`). Then each
measured process loads that and gets a function from texts to labels (`load`). Libraries are imported within these two,
so that the runner stays small.
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
    """The checkpoint as transformers loads it, and `models`, a folder for what contenders make of it.

    `threads`: how many cores may be used. `max_tokens`: how many tokens of a text are read, special tokens included;
    the rest is cut off. `lab`: the program that `contenders.lab` runs, if any.
    """

    checkpoint: Path
    models: Path
    threads: int
    max_tokens: int
    lab: Path | None = None


@dataclass(frozen=True)
class Layout:
    """`runners` runs of the model at a time, on `threads` threads each; `batch_size` rows per run if that is chosen."""

    runners: int
    threads: int
    batch_size: int | None = None

    def title(self) -> str:
        batch = "" if self.batch_size is None else f", batch {self.batch_size}"
        return f"{self.runners} × {self.threads}{batch}"


class Contender(ABC):
    """A way to classify texts; `packages` are the distributions that it needs."""

    packages: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def title(self) -> str: ...

    def unavailable(self, setting: Setting) -> str | None:
        """Return why it cannot be measured here, if it cannot."""
        missing = [name for name in self.packages if installed(name) is None]
        return f"not installed: {', '.join(missing)}" if missing else None

    @abstractmethod
    def layouts(self, cores: int) -> list[Layout]:
        """Return the layouts to try on `cores` cores; the best one counts."""

    @abstractmethod
    def prepare(self, setting: Setting) -> None:
        """Write what `load` reads into `setting.models`."""

    @abstractmethod
    def load(self, setting: Setting, layout: Layout) -> Classify: ...

    @abstractmethod
    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        """Return which texts, of these `lengths` in tokens, run together; a batch is padded to its longest text."""


def thread_layouts(cores: int) -> list[Layout]:
    """Return two layouts: one run on all cores, and a single-threaded run on every core."""
    return list(dict.fromkeys((Layout(1, cores), Layout(cores, 1))))


def batch_size_layouts(cores: int, sizes: Sequence[int] = (1, 8, 32)) -> list[Layout]:
    """Return layouts of one run at a time on all cores, in batches of these sizes."""
    return [Layout(1, cores, size) for size in sizes]


def in_order(order: Sequence[int], size: int | None) -> Batches:
    """Split an order of rows into batches of one size."""
    assert size is not None
    return [order[start : start + size] for start in range(0, len(order), size)]


def installed(package: str) -> str | None:
    """Return the version of a distribution, if it is installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
