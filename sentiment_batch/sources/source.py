"""The interface that every source offers, whatever its format."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from sentiment_batch.columns import listed
from sentiment_batch.errors import UsageError
from sentiment_batch.formats import Format
from sentiment_batch.sources.chunk import Chunk, Readable
from sentiment_batch.sources.dialect import Dialect
from sentiment_batch.sources.reject import Reject

_MAX_COLUMNS = 100_000
# Arrow's streams, in which chunks are kept, hold 64; its reader of Parquet takes 100, where a list is two.
_MAX_LEVELS = 48


@dataclass(frozen=True)
class SourceOptions:
    """How to read an input.

    `text_column`: None for the one known name present. `columns`: those kept in the output, None for all. `verbatim`:
    pass JSON objects on as they were written (JSON Lines in, JSON Lines out, all columns). `dialect`: for delimited
    inputs; its size limit applies to all.
    """

    text_column: str | None = None
    columns: tuple[str, ...] | None = None
    verbatim: bool = False
    dialect: Dialect = field(default_factory=Dialect)


class Source(Readable, Protocol):
    """An opened input.

    `names`: the columns kept in the output, as far as known. `schema`: that of the records in its chunks. What it
    cannot read is a reject; `chunks` raises BadDataError if the file is cut short.
    """

    name: str
    format: Format
    text_column: str
    names: list[str]
    schema: pa.Schema

    def retry(self, rejects: Iterable[Reject]) -> Iterator[Chunk]:
        """Parse rejected records of this input again, from their edited bytes, as rows or again as rejects.

        Their positions do not change. Raises BadDataError for a position that is not in the input.
        """
        ...

    def fraction_read(self) -> float | None: ...

    def close(self) -> None: ...


def kept_columns(available: list[str], options: SourceOptions) -> list[str]:
    """Return the columns kept in the output, in file order; raises UsageError for a missing one."""
    if options.columns is None:
        return available
    for name in options.columns:
        if name not in available:
            raise UsageError(f"no column {name!r} to keep; the columns are: {listed(available)}")
    return [name for name in available if name in options.columns]


def require_no_clash(columns: list[str], added: Collection[str]) -> None:
    """Raise UsageError if a column would be overwritten by one that is added."""
    clash = sorted({*columns} & {*added})
    if clash:
        raise UsageError(f"the input already has a column {clash[0]!r}: choose another --prefix")


def require_usable(columns: list[str]) -> None:
    """Raise UsageError for duplicate column names, and for more columns than can be read."""
    if len(columns) > _MAX_COLUMNS:
        raise UsageError(f"{len(columns):,} columns: no more than {_MAX_COLUMNS:,} can be read")
    repeated = [column for column, count in Counter(columns).items() if count > 1]
    if repeated:
        raise UsageError(f"several columns are named {min(repeated)!r}: rename all but one")


def require_shallow(schema: pa.Schema) -> None:
    """Raise UsageError for a column of values within values within values, more levels than can be kept."""
    for name, kind in zip(schema.names, schema.types, strict=True):
        levels, kinds = 0, [kind]
        while kinds:
            levels += 1
            kinds = [kind.field(place).type for kind in kinds for place in range(kind.num_fields)]
        if levels > _MAX_LEVELS:
            raise UsageError(
                f"column {name!r} is nested {levels} levels deep, more than {_MAX_LEVELS}: leave it out (--columns)"
            )
