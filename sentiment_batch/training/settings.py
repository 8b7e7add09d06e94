"""Convert TOML tables to dataclasses, rejecting unknown keys and values of the wrong type."""

import dataclasses
import math
from collections.abc import Mapping
from contextlib import suppress
from enum import EnumType
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sentiment_batch.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")

_SPOKEN = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


def from_table(kind: type[Settings], table: Any, place: str) -> Settings:
    """Build the dataclass `kind` from a table; lists become tuples, and strings become members of enumerations.

    Raises ConfigurationError that names `place`, such as [training], and the key.
    """
    if not isinstance(table, dict):
        raise ConfigurationError(f"{place} is no table")
    hints = get_type_hints(kind)
    settings = {key: _setting(key, value, hints, place) for key, value in table.items()}
    for field in dataclasses.fields(kind):
        if field.name not in settings and field.default is field.default_factory:  # neither is set
            raise ConfigurationError(f"{place} has no {field.name!r}, which it needs")
    return kind(**settings)


def _setting(key: str, value: Any, hints: Mapping[str, Any], place: str) -> Any:
    if key not in hints:
        raise ConfigurationError(f"{place} has no {key!r}: it takes {', '.join(hints)}")
    try:
        return _convert(value, hints[key])
    except ValueError as error:
        raise ConfigurationError(f"{place}: {key} is {value!r}: it must be {_spoken(hints[key])}") from error


def _convert(value: Any, hint: Any) -> Any:
    """Convert a value to the type in a field's annotation; raises ValueError."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for choice in arguments:
            with suppress(ValueError):
                return _convert(value, choice)
    elif origin is Literal and value in arguments:
        return value
    elif origin is tuple and isinstance(value, list):
        return tuple(_convert(each, arguments[0]) for each in value)
    elif origin is dict and isinstance(value, dict):
        return {key: _convert(each, arguments[1]) for key, each in value.items()}
    elif isinstance(hint, EnumType):
        return hint(value)
    elif hint is object:
        return value
    elif type(value) is hint or (hint is float and type(value) is int):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(value)
        return value
    raise ValueError(value)


def _spoken(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_spoken(choice) for choice in arguments if choice is not NoneType)
    if origin is tuple:
        return f"a list, each {_spoken(arguments[0])}"
    if origin is dict:
        return f"a table, each value {_spoken(arguments[1])}"
    if origin is Literal or isinstance(hint, EnumType):
        return " or ".join(repr(str(choice)) for choice in arguments or hint)
    return _SPOKEN[hint]
