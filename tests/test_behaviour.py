"""The behavioural cases are sound, and tell good models from bad ones."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from sentiment_batch.behaviour import Case, check_behaviour, load_cases
from sentiment_batch.errors import ConfigurationError

POLARITIES = (-1.0, -0.5, 0.0, 0.5, 1.0)


def always(label: int) -> Callable[[list[str]], np.ndarray]:
    """A model that gives every text the same label."""
    return lambda texts: np.tile(np.eye(5, dtype=np.float32)[label], (len(texts), 1))


def test_the_file() -> None:
    """There are twenty kinds of ten cases each, and no case twice."""
    kinds = load_cases()
    assert len(kinds) == 20
    assert {kind: len(cases) for kind, cases in kinds.items()} == dict.fromkeys(kinds, 10)
    cases = [case for cases in kinds.values() for case in cases]
    assert len(set(cases)) == len(cases)


def test_texts() -> None:
    """Every text says something, is trimmed to one line, and differs from those it is compared with."""
    for case in (case for cases in load_cases().values() for case in cases):
        assert all(text == text.strip() and text and "\n" not in text for text in case.texts), case
        assert len(set(case.texts)) == len(case.texts), case


def test_no_answer_is_always_right() -> None:
    """No single expectation makes up half of the cases."""
    counts = Counter(case.expectation for cases in load_cases().values() for case in cases)
    assert set(counts) == {"positive", "neutral", "negative", "not negative", "same", "rising"}
    assert max(counts.values()) < 100


@pytest.mark.parametrize(
    ("label", "met"),
    [
        (0, {"negative", "not positive", "same"}),
        (2, {"neutral", "not positive", "not negative", "same"}),
        (4, {"positive", "not negative", "same"}),
    ],
)
def test_a_constant_model(label: int, met: set[str]) -> None:
    """A model that always gives the same label meets the cases of its side and of invariance, and no others."""
    outcomes = check_behaviour(always(label), POLARITIES)
    for kind, cases in load_cases().items():
        assert outcomes[kind].failed == tuple(case for case in cases if case.expectation not in met)
        assert (outcomes[kind].passed, outcomes[kind].cases) == (10 - len(outcomes[kind].failed), 10)
    assert 0 < sum(outcome.passed for outcome in outcomes.values()) < 120


def test_a_model_that_knows_the_answers() -> None:
    """Every case can be met at once by predictions that depend on the text alone."""
    wanted: dict[str, list[float]] = {}
    for case in (case for cases in load_cases().values() for case in cases):
        for place, text in enumerate(case.texts):
            match case.expectation:
                case "rising":
                    # From very negative to very positive, all with the same label.
                    share = (place + 1) / (len(case.texts) + 1)
                    shares = [0.4 * (1 - share), 0.0, 0.6, 0.0, 0.4 * share]
                case "same":
                    shares = [0.0, 0.0, 1.0, 0.0, 0.0]
                case side:
                    polarity = {"positive": 1, "negative": -1}.get(side, 0)
                    shares = [float(polarity == value) for value in POLARITIES]
            assert wanted.setdefault(text, shares) == shares
    outcomes = check_behaviour(lambda texts: np.array([wanted[text] for text in texts], dtype=np.float32), POLARITIES)
    assert [case for outcome in outcomes.values() for case in outcome.failed] == []


@pytest.mark.parametrize(
    ("expectation", "labels", "met"),
    [
        ("positive", [3], True),
        ("positive", [2], False),
        ("neutral", [2], True),
        ("neutral", [3], False),
        ("negative", [0], True),
        ("negative", [2], False),
        ("not positive", [2], True),
        ("not positive", [3], False),
        ("not negative", [2], True),
        ("not negative", [1], False),
        ("same", [3, 3, 3], True),
        ("same", [3, 3, 4], False),
        ("rising", [0, 2, 3], True),
        ("rising", [0, 3, 3], False),
        ("rising", [0, 3, 2], False),
    ],
)
def test_expectations(expectation: str, labels: list[int], met: bool) -> None:
    """Each expectation accepts and refuses the right labels."""
    case = Case(expectation, tuple("abc"[: len(labels)]))
    assert case.is_met(np.eye(5, dtype=np.float32)[labels], POLARITIES) is met


@pytest.mark.parametrize(
    ("expectation", "texts"), [("happy", ("a",)), ("same", ("a",)), ("rising", ()), ("positive", ("a", "b"))]
)
def test_what_is_no_case(expectation: str, texts: tuple[str, ...]) -> None:
    """An unknown expectation, or one with too few or too many texts, is refused."""
    with pytest.raises(ValueError, match=expectation):
        Case(expectation, texts)


def test_labels_without_order() -> None:
    """A model whose labels have no order cannot be checked."""
    with pytest.raises(ConfigurationError, match="labels tell negative from positive"):
        check_behaviour(always(0), None)
