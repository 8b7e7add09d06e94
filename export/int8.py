"""Constant float matrices as signed 8-bit integers."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Of the largest value; tried in turn for each slice.
_SHARES_OF_RANGE = np.linspace(0.6, 1.0, 21)


def to_int8(values: FloatArray, axis: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Symmetric int8 with one scale per slice along `axis` (which is kept, with length 1, in the scales).

    A scale that cuts off a few large values can make the others finer; each slice takes the one out of several whose
    squared error is least.
    """
    full = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-8) / np.float32(127)
    best, least = full, np.full_like(full, np.inf)
    for share in _SHARES_OF_RANGE:
        scale = full * np.float32(share)
        error = np.square(_round(values, scale) * scale - values).sum(axis=axis, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return _round(values, best).astype(np.int8), best


def _round(values: FloatArray, scale: FloatArray) -> FloatArray:
    rounded: FloatArray = np.clip(np.rint(values / scale), -127, 127)
    return rounded
