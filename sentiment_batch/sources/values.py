"""Convert JSON values to Arrow columns without changing any of them."""

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

# Raised by Arrow and Python for values that a column cannot hold; RecursionError is for lists nested too deeply.
NOT_OF_THE_TYPE = (pa.ArrowException, OverflowError, RecursionError, TypeError, ValueError)


def type_of(values: list[Any]) -> pa.DataType:
    """Return the common type of all values, or of as many of the first as have one; string if all are null."""
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
    """Build an array of type `kind`; raises one of NOT_OF_THE_TYPE for a value or a nested key that does not fit."""
    _require_kept(values, kind)
    return pa.array(values, kind)


def _require_kept(values: Iterable[Any], kind: pa.DataType) -> None:
    """Raise ValueError for what Arrow would change silently: it takes 1.5 for an integer, text for a list of it."""
    for value in values:
        match value:
            case None:
                continue
            case bool():
                fits = pa.types.is_boolean(kind)
            case float():
                fits = math.isfinite(value) and (pa.types.is_floating(kind) or value.is_integer())
            case str():
                fits = pa.types.is_string(kind)
            case list():
                fits = pa.types.is_list(kind)
                if fits:
                    _require_kept(value, kind.value_type)
            case dict():
                fits = pa.types.is_struct(kind)
                for key, item in value.items() if fits else ():
                    if kind.get_field_index(key) < 0:
                        raise ValueError("a new key")
                    _require_kept([item], kind.field(key).type)
            case _:  # an integer, which Arrow itself checks
                continue
        if not fits:
            raise ValueError("a value of another type")
