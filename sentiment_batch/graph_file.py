"""Check that an ONNX file is self-contained and has no sparse tensors, before ONNX Runtime opens it.

A tensor may name a file to be read in its place (`../`, an absolute path, a link …), which has let models read and
overwrite files that they must not touch (CVE-2022-25882, CVE-2024-27318, CVE-2025-51480, CVE-2026-27489). Here a model
is one file. The scan follows the protobuf messages of onnx.proto down to the tensors and skips their contents, so it
takes milliseconds.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.formats import require_utf8

# Protobuf's own limits for a message.
MAX_BYTES = 2**31 - 1
_HIGHEST_FIELD = 2**29 - 1
_DEEPEST = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Message → field number → the message that the field holds.
_MESSAGES = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
}
_OPERATOR = 4
_DIMS, _EXTERNAL_DATA, _DATA_LOCATION = 1, 13, 14


def require_self_contained(path: Path) -> set[bytes]:
    """The names of the operators that a graph is made of.

    Raises ConfigurationError for a file that is not an ONNX model, is too large, or is not self-contained; UsageError
    for a name that is not UTF-8.
    """
    require_utf8(str(path))
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ConfigurationError(f"{path} has {size:,} bytes: an ONNX graph has up to {MAX_BYTES:,}")
    try:
        with path.open("rb") as file:
            return set(_operators(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), "model", 0))
    except ValueError as error:
        raise ConfigurationError(f"{path} is not a usable ONNX graph: {error}") from None


def quantizes_by_batch(path: Path) -> bool:
    """Whether a graph scales activations by the extremes of a whole batch, so that its rows depend on each other.

    Raises what `require_self_contained` does.
    """
    return any(name.startswith(b"DynamicQuantize") for name in require_self_contained(path))


def _operators(message: memoryview, kind: str, depth: int) -> Iterator[bytes]:
    """Check a message and what it holds, and yield the operator of each node."""
    if kind == "sparse tensor":
        raise ValueError("it holds a sparse tensor")
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    for number, value in _fields(message):
        if kind == "tensor":
            _check_tensor_field(number, value)
        elif number in _MESSAGES[kind]:
            if isinstance(value, int):
                raise ValueError("it is damaged")
            yield from _operators(value, _MESSAGES[kind][number], depth + 1)
        elif kind == "node" and number == _OPERATOR and not isinstance(value, int):
            yield bytes(value)


def _check_tensor_field(number: int, value: int | memoryview) -> None:
    if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
        raise ValueError("it refers to another file (external data): save it as one file")
    if number == _DIMS:
        sizes = [value] if isinstance(value, int) else list(_varints(value))
        if any(size >= 2**63 for size in sizes):
            raise ValueError("a tensor has a negative length")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field, an integer or bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number <= _HIGHEST_FIELD:
            # ONNX Runtime would drop the high bits, and read another field.
            raise ValueError("it is damaged")
        if wire_type == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if wire_type == _BYTES:
            length, place = _varint(message, place)
        elif wire_type in (_FIXED32, _FIXED64):
            length = 4 if wire_type == _FIXED32 else 8
        else:
            raise ValueError("it is damaged")
        if length > len(message) - place:
            raise ValueError("it is cut short")
        yield number, message[place : place + length]
        place += length


def _varints(content: memoryview) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """Decode a base-128 number, least significant part first; returns it and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            raise ValueError("it is cut short")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("it is damaged")
