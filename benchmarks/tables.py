"""Parquet files to score. Call through `process.in_subprocess`: pyarrow and a million texts take memory."""

from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path


def write_table(path: Path, texts: Sequence[str]) -> None:
    """Write columns `id` and `text` in one row group, the hardest case for a reader that must not load it whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": range(len(texts)), "text": pa.array(texts, pa.string())})
    pq.write_table(table, path, row_group_size=max(1, len(texts)))


def write_numbered_table(path: Path, texts: Sequence[str], rows: int) -> None:
    """Write `rows` rows: the texts over and over, each prefixed with its row number, so that all differ.

    All numbers have the same length, so that a row costs the same in a large file as in a small one.
    """
    write_table(path, [f"{row:07} {text}" for row, text in enumerate(islice(cycle(texts), rows))])
