"""A progress bar on a terminal: rows, rows a second, time left. Nothing anywhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(visible: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A function to tell how many more records are done, and how many there are in all; see summary.Progress."""
    with tqdm(unit=" rows", unit_scale=True, disable=not visible, leave=False, dynamic_ncols=True) as bar:

        def show(records: int, total: int | None) -> None:
            bar.total = total
            bar.update(records)

        yield show
