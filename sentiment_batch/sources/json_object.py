"""A line of JSON Lines to one object, by the standard library's parser, strictly."""

import json
from typing import Any, NoReturn


def decode_line(raw: bytes, number: int) -> str:
    """Decode and strip a line; raises ValueError if it is not UTF-8."""
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").strip(" \t\r\n")
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8 text: convert the file, for example with iconv") from error


def parse_object(source: str) -> dict[str, Any]:
    """Parse a JSON object; raises ValueError, whose message quotes nothing of the source."""
    try:
        value = _DECODER.decode(source)
    except json.JSONDecodeError as error:
        raise ValueError(f"not a JSON object: {error.msg} (character {error.pos + 1})") from error
    except RecursionError as error:
        raise ValueError("not a JSON object: nested too deeply") from error
    except ValueError as error:
        # Python's own message about overlong integers goes on with advice for programmers.
        raise ValueError(f"not a JSON object: {str(error).partition(':')[0]}") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
