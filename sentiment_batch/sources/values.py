"""JSON values as Arrow columns, without a change to any of them."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

# What Arrow and Python raise for values that a column cannot hold; RecursionError for too many lists in each other.
NOT_OF_THE_TYPE = (pa.ArrowException, OverflowError, RecursionError, TypeError, ValueError)


def type_of(values: list[Any]) -> pa.DataType:
    """The type of all values, else of as many of the first as have one together; text where there are only nulls."""
    kind = _common_type(values)
    if kind is None:
        typed = [value for value in values if _common_type([value]) is not None]
        count = bisect_left(range(1, len(typed) + 1), True, key=lambda count: _common_type(typed[:count]) is None)
        kind = pa.array(typed[:count]).type
    return pa.string() if pa.types.is_null(kind) else kind


def _common_type(values: list[Any]) -> pa.DataType | None:
    try:
        return pa.array(values).type
    except NOT_OF_THE_TYPE:
        return None


def array_of(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Raises one of NOT_OF_THE_TYPE if there is a value, or a key within one, that the type has no place for."""
    _require_known_keys(values, kind)
    return pa.array(values, kind)


def _require_known_keys(values: Iterable[Any], kind: pa.DataType) -> None:
    """Arrow would drop the others; raises ValueError."""
    for value in values:
        if isinstance(value, list) and pa.types.is_list(kind):
            _require_known_keys(value, kind.value_type)
        elif isinstance(value, dict) and pa.types.is_struct(kind):
            for key, item in value.items():
                if kind.get_field_index(key) < 0:
                    raise ValueError("a new key")
                _require_known_keys([item], kind.field(key).type)
