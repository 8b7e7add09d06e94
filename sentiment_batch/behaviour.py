"""Check a model on what an ordinary person would try: negation, typos, swapped names and more.

The cases are in behaviour.toml, in English.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from sentiment_batch.errors import ConfigurationError

Probabilities = npt.NDArray[np.float32]

# Whether the polarity of the predicted label is on the expected side.
_SIDES: dict[str, Callable[[float], bool]] = {
    "positive": lambda polarity: polarity > 0,
    "neutral": lambda polarity: polarity == 0,
    "negative": lambda polarity: polarity < 0,
    "not positive": lambda polarity: polarity <= 0,
    "not negative": lambda polarity: polarity >= 0,
}


@dataclass(frozen=True)
class Case:
    """Texts, and what is expected of their predictions: a side for one text, `same` or `rising` for several.

    Raises ValueError for an unknown expectation, or one that does not fit the number of texts.
    """

    expectation: str
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.expectation not in {*_SIDES, "same", "rising"}:
            raise ValueError(f"no such expectation: {self.expectation!r}")
        count = len(self.texts)
        if count != 1 if self.expectation in _SIDES else count < 2:
            raise ValueError(f"{self.expectation!r} does not go with {count} texts")

    def is_met(self, probabilities: Probabilities, polarities: Sequence[float]) -> bool:
        """Whether predictions are as expected: probabilities, float32 [texts, K], over labels with `polarities` [K]."""
        labels = probabilities.argmax(axis=1)
        match self.expectation:
            case "same":
                return bool((labels == labels[0]).all())
            case "rising":
                return bool((np.diff(probabilities @ np.array(polarities)) > 0).all())
            case side:
                return _SIDES[side](polarities[labels[0]])


@dataclass(frozen=True)
class Outcome:
    """How many cases of one kind passed, and which ones failed."""

    passed: int
    failed: tuple[Case, ...]

    @property
    def cases(self) -> int:
        return self.passed + len(self.failed)


def load_cases() -> dict[str, list[Case]]:
    """Load the cases that come with this package, by kind."""
    kinds = tomllib.loads((files(__package__) / "behaviour.toml").read_text("utf-8"))
    return {
        kind: [
            Case(expectation, (texts,) if isinstance(texts, str) else tuple(texts))
            for expectation, cases in expectations.items()
            for texts in cases
        ]
        for kind, expectations in kinds.items()
    }


def check_behaviour(
    score: Callable[[list[str]], Probabilities], polarities: Sequence[float] | None
) -> dict[str, Outcome]:
    """Check all cases and return the outcome of each kind.

    `score` maps texts to probabilities over labels with `polarities`. Raises ConfigurationError for labels without
    order.
    """
    if polarities is None:
        raise ConfigurationError("--behaviour needs a model whose labels tell negative from positive")
    kinds = load_cases()
    texts = [text for cases in kinds.values() for case in cases for text in case.texts]
    shares = iter(score(texts))
    outcomes = {}
    for kind, cases in kinds.items():
        met = [case.is_met(np.array([next(shares) for _ in case.texts]), polarities) for case in cases]
        outcomes[kind] = Outcome(sum(met), tuple(case for case, is_met in zip(cases, met, strict=True) if not is_met))
    return outcomes
