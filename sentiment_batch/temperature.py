"""Temperature scaling: probabilities made as sure as the model is right (Guo et al. 2017, "On Calibration of Modern
Neural Networks").

The temperature depends on the length of a text, for a model may be too sure of sentences and not of reviews. It is a
function of the row alone.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Temperature:
    """What the logits are divided by: above 1 it makes the probabilities less sure, below 1 surer.

    `values` hold for texts of `tokens` tokens, ascending; between them the temperature's logarithm is linear in that of
    the length, beyond them it stays. `fitted_on` names the samples, for the record. Raises ValueError for numbers that
    are not such.
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

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """From what `dataclasses.asdict` made of one, through JSON; raises ValueError, TypeError or KeyError."""
        return cls(tuple(record["tokens"]), tuple(record["values"]), tuple(record["fitted_on"]))

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
        """Probabilities, float32 [N, K], of texts of `n_tokens` [N] tokens as they are at this temperature.

        The most probable label stays the same; rows of NaN stay so. At a temperature of 1 throughout, the probabilities
        are returned as they are.
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
    """Where rounding has made two labels equal, set the one that was ahead one step before the other again."""
    rows = np.flatnonzero(probabilities.argmax(axis=1) != winners)
    probabilities[rows, winners[rows]] = np.nextafter(probabilities[rows].max(axis=1), np.float32(np.inf))
