"""Constant float matrices as signed 8-bit integers."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sentiment_batch.arrays import FloatArray

Int8Array = npt.NDArray[np.int8]

# Of the largest value; tried in turn for each slice. Those above 1 leave two large neighbours room for each other.
_SHARES_OF_RANGE = np.linspace(0.6, 2.0, 36)

# Two products with uint8 are at most 2 * 255 * 64, which 16 bits with a sign can hold.
PAIR_LIMIT = 128


def to_int8(values: FloatArray, axis: int) -> tuple[Int8Array, FloatArray]:
    """Symmetric int8 with one scale per slice along `axis` (which is kept, with length 1, in the scales).

    A scale that cuts off a few large values can make the others finer; each slice takes the one out of several whose
    squared error is least.
    """
    return _fit(values, axis, _round)


def weights_to_int8(weights: FloatArray) -> tuple[Int8Array, FloatArray]:
    """The weights of a product with uint8, [in, out], as symmetric int8 with one scale per column, float32 [out].

    Processors without VNNI or AMX multiply two neighbours in a column by their uint8 and add the two products in 16
    bits, which cut off what they cannot hold. So two neighbours of one sign reach PAIR_LIMIT together at most.
    """
    integers, scales = _fit(weights, 0, _round_in_pairs)
    return integers, scales.reshape(-1)


def _fit(
    values: FloatArray, axis: int, to_integers: Callable[[FloatArray], FloatArray]
) -> tuple[Int8Array, FloatArray]:
    full = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-8) / np.float32(127)
    best, least = full, np.full_like(full, np.inf)
    for share in _SHARES_OF_RANGE:
        scale = full * np.float32(share)
        error = np.square(to_integers(values / scale) * scale - values).sum(axis=axis, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return to_integers(values / best).astype(np.int8), best


def _round(values: FloatArray) -> FloatArray:
    rounded: FloatArray = np.clip(np.rint(values), -127, 127)
    return rounded


def _round_in_pairs(weights: FloatArray) -> FloatArray:
    """`_round`, with what two neighbours in a column have too much taken from both alike."""
    rounded = _round(weights)
    first, second = rounded[: len(rounded) // 2 * 2 : 2], rounded[1::2]
    excess = np.where(first * second > 0, np.maximum(np.abs(first) + np.abs(second) - PAIR_LIMIT, 0), 0)
    first -= np.sign(first) * np.ceil(excess / 2)
    second -= np.sign(second) * np.floor(excess / 2)
    return rounded
