"""Temperature scaling, which matches confidence to accuracy.

After Guo et al. 2017, "On Calibration of Modern Neural Networks". Here the temperature depends on the length of a text,
as a model may be overconfident on sentences but not on reviews. It is a function of the row alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Temperature:
    """The divisor of the logits, by text length: above 1 it lowers confidence, below 1 it raises it.

    `values` apply to texts of `tokens` tokens, ascending. In between, the logarithm of the temperature is linear in
    that of the length; beyond the ends it is constant. `fitted_on` names the samples, for the record. Raises ValueError
    for invalid numbers.
    """

    tokens: tuple[int, ...] = (1,)
    values: tuple[float, ...] = (1.0,)
    fitted_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ascending = list(self.tokens) == sorted(set(self.tokens)) and len(self.tokens) > 0
        if not ascending or min(self.tokens) < 1 or len(self.tokens) != len(self.values):
            raise ValueError(f"temperatures at {list(self.tokens)} tokens: give one each for ascending lengths")
        if not all(0 < value < np.inf for value in self.values):
            raise ValueError(f"temperatures of {list(self.values)}: each is a number above 0")

    @property
    def inverse(self) -> "Temperature":
        """The temperature that undoes this one."""
        return Temperature(self.tokens, tuple(1 / value for value in self.values))

    def at(self, n_tokens: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The temperature for each length, float64 [N]."""
        lengths = np.log(np.maximum(n_tokens, 1))
        temperatures: npt.NDArray[np.float64] = np.exp(np.interp(lengths, np.log(self.tokens), np.log(self.values)))
        return temperatures

    def scale(self, probabilities: npt.NDArray[np.float32], n_tokens: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Apply the temperature to probabilities, float32 [N, K], of texts of `n_tokens` [N] tokens.

        The most probable label stays the same, and rows of NaN stay NaN. If the temperature is 1 throughout, the
        probabilities are returned unchanged.
        """
        if set(self.values) == {1.0}:
            return probabilities
        # softmax(logits / T) is softmax(logits) to the power of 1 / T, normalized.
        relative = probabilities.astype(np.float64) / probabilities.max(axis=1, keepdims=True)
        powers = relative ** (1 / self.at(n_tokens))[:, None]
        scaled: npt.NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        _keep_winners(scaled, probabilities.argmax(axis=1))
        return scaled


UNSCALED = Temperature()


def _keep_winners(probabilities: npt.NDArray[np.float32], winners: npt.NDArray[np.int64]) -> None:
    """Where rounding has tied two labels, raise the former winner one float32 step above the other."""
    rows = np.flatnonzero(probabilities.argmax(axis=1) != winners)
    probabilities[rows, winners[rows]] = np.nextafter(probabilities[rows].max(axis=1), np.float32(np.inf))
