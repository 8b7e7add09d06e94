"""Values of Arrow columns in the form in which text formats hold them."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.errors import ConfigurationError


def cast_leaves(column: pa.Array, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.Array:
    """Cast a column, replacing every non-nested type in it by what `leaf` returns for it."""
    kind = _with_leaves(column.type, leaf)
    return column if kind == column.type else pc.cast(column, kind)


def _with_leaves(kind: pa.DataType, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_leaves(field.type, leaf)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_with_leaves(kind.key_type, leaf), _with_leaves(kind.item_type, leaf))
    if any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)):
        value = _with_leaves(kind.value_type, leaf)
        return kind if value == kind.value_type else pa.large_list(value)
    if pa.types.is_dictionary(kind):
        value = _with_leaves(kind.value_type, leaf)
        return kind if value == kind.value_type else value
    # Cast to itself within a list, Arrow's null type comes out with another length.
    return pa.string() if pa.types.is_null(kind) else leaf(kind)


def in_known_zone(kind: pa.DataType) -> pa.DataType:
    """Replace a time zone that this machine does not know with UTC: otherwise the time cannot be formatted.

    Raises ConfigurationError if it does not even know that.
    """
    if not pa.types.is_timestamp(kind) or kind.tz is None or _is_known(kind.tz):
        return kind
    if not _is_known("UTC"):
        raise ConfigurationError(
            f"times in {kind.tz} cannot be written as text, for this machine has no time zones: install tzdata, or "
            "write Parquet"
        )
    return pa.timestamp(kind.unit, "UTC")


@cache
def _is_known(zone: str) -> bool:
    try:
        pc.cast(pa.array([0], pa.timestamp("s", zone)), pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def shortest(column: pa.Array) -> list[float | None]:
    """Floats as the shortest decimals that read back as the same bits in the column's own precision."""
    scalar = np.dtype(f"f{column.type.byte_width}").type
    return [None if value is None or value != value else float(str(scalar(value))) for value in column.to_pylist()]
