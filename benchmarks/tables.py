"""Parquet files to score. Call through `process.apart`: pyarrow and a million texts take memory."""

from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path


def write_table(path: Path, texts: Sequence[str]) -> None:
    """Columns `id` and `text` in one row group, the hardest case for a reader that must not hold it as a whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": range(len(texts)), "text": pa.array(texts, pa.string())})
    pq.write_table(table, path, row_group_size=max(1, len(texts)))


def write_numbered_table(path: Path, texts: Sequence[str], rows: int) -> None:
    """As many rows as asked for: the texts over and over, each with its row number before it, so that all differ.

    All numbers are of one length: a row of a large file costs what a row of a small one does.
    """
    write_table(path, [f"{row:07} {text}" for row, text in enumerate(islice(cycle(texts), rows))])
