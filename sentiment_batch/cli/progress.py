"""A progress bar on a terminal: rows, rows a second, time left. Nothing anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm


class _Bar:
    def __init__(self, bar: "tqdm[None]") -> None:
        self._bar = bar

    def update(self, rows: int, total: int | None) -> None:
        self._bar.total = total
        self._bar.update(rows)


@contextmanager
def progress_bar(visible: bool) -> Iterator[_Bar]:
    with tqdm(unit=" rows", unit_scale=True, disable=not visible, leave=False, dynamic_ncols=True) as bar:
        yield _Bar(bar)
