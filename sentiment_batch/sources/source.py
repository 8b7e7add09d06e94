"""What every source offers, whatever the format."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from sentiment_batch.errors import UsageError
from sentiment_batch.formats import Format
from sentiment_batch.sources.chunk import Chunk
from sentiment_batch.sources.dialect import Dialect
from sentiment_batch.sources.reject import Reject

_MOST_COLUMNS = 100_000


@dataclass(frozen=True)
class SourceOptions:
    """`text_column` None: the one known name that is there. `columns` None: the output keeps all of them.

    `verbatim`: JSON objects are handed on as they were written (JSON Lines in, JSON Lines out, all columns).
    `dialect`: of inputs that are delimited.
    """

    text_column: str | None = None
    columns: tuple[str, ...] | None = None
    verbatim: bool = False
    dialect: Dialect = field(default_factory=Dialect)


class Source(Protocol):
    """An opened input.

    `names` are the columns that the output keeps, as far as is known; `schema` is that of the records in its chunks;
    `rows` is None where only reading tells.
    """

    name: str
    format: Format
    text_column: str
    names: list[str]
    schema: pa.Schema
    rows: int | None

    def chunks(self) -> Iterator[Chunk]:
        """All records from first to last, as rows or as rejects; raises BadDataError where the file ends too soon."""
        ...

    def retry(self, rejects: Iterable[Reject]) -> Iterator[Chunk]:
        """Records of this input that were rejected, with the bytes that they have by now, as rows or as rejects again.

        Their places stay what they were. Raises BadDataError for a place that is not in the input.
        """
        ...

    def fraction_read(self) -> float | None: ...

    def close(self) -> None: ...


def kept_columns(available: list[str], options: SourceOptions) -> list[str]:
    """The columns that the output keeps, in the order of the file; raises UsageError for one that is not there."""
    if options.columns is None:
        return available
    for name in options.columns:
        if name not in available:
            raise UsageError(f"no column {name!r} to keep; the columns are: {', '.join(available)}")
    return [name for name in available if name in options.columns]


def require_usable(columns: list[str]) -> None:
    """Raise UsageError for two columns of one name, and for more than any table has."""
    if len(columns) > _MOST_COLUMNS:
        raise UsageError(f"{len(columns):,} columns: no more than {_MOST_COLUMNS:,} can be read")
    repeated = [column for column, count in Counter(columns).items() if count > 1]
    if repeated:
        raise UsageError(f"several columns are named {min(repeated)!r}: rename all but one")
