"""Temperature scaling: what it does to probabilities, and what it leaves alone."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_graph import MAX_TOKENS, save_model

from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import Description, Quantization, write_manifest
from sentiment_batch.scores import softmax
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device
from sentiment_batch.temperature import UNSCALED, Temperature
from sentiment_batch.text import LongText

BY_LENGTH = Temperature((4, 16), (1.0, 4.0), ("dev",))
LOGITS = arrays(np.float32, (7, 5), elements=st.floats(-20, 20, width=32))
LENGTHS = arrays(np.int32, 7, elements=st.integers(0, 600))
TEMPERATURES = st.lists(st.floats(0.05, 20), min_size=1, max_size=3).map(
    lambda values: Temperature(tuple(4**power for power in range(1, len(values) + 1)), tuple(values))
)


def test_by_hand() -> None:
    """A temperature of 2 takes the square roots: 0.8 to 0.2 becomes 2 to 1."""
    scaled = Temperature((1,), (2.0,)).scale(np.array([[0.8, 0.2]], dtype=np.float32), np.array([5]))
    np.testing.assert_allclose(scaled, [[2 / 3, 1 / 3]], rtol=1e-6)


def test_between_lengths() -> None:
    """Halfway between 4 and 16 by logarithms is 8, halfway between 1 and 4 is 2; beyond the ends nothing changes."""
    with np.errstate(all="raise"):
        found = BY_LENGTH.at(np.array([0, 3, 4, 8, 16, 600]))
    np.testing.assert_allclose(found, [1, 1, 1, 2, 4, 4])


@given(LOGITS, LENGTHS, TEMPERATURES)
def test_is_the_softmax_of_divided_logits(logits: np.ndarray, lengths: np.ndarray, temperature: Temperature) -> None:
    """Scaling probabilities equals dividing the logits that they came from."""
    expected = softmax((logits / temperature.at(lengths)[:, None]).astype(np.float32))
    np.testing.assert_allclose(temperature.scale(softmax(logits), lengths), expected, rtol=1e-4, atol=1e-6)


@given(LOGITS, LENGTHS, TEMPERATURES)
def test_labels_stay(logits: np.ndarray, lengths: np.ndarray, temperature: Temperature) -> None:
    """The most probable label is the same at every temperature, and the probabilities sum to 1."""
    probabilities = softmax(logits)
    scaled = temperature.scale(probabilities, lengths)
    assert scaled.dtype == np.float32
    assert scaled.argmax(axis=1).tolist() == probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose(scaled.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("value", [3.0, 1e9])
def test_labels_stay_where_rounding_would_tie(value: float) -> None:
    """A lead in the last bit is kept when a temperature makes it smaller than that."""
    lead = np.nextafter(np.float32(0.4), np.float32(1))
    probabilities = np.array([[0.4, lead, 0.2], [lead, 0.4, 0.2], [0.2, 0.4, lead]], dtype=np.float32)
    scaled = Temperature((1,), (value,)).scale(probabilities, np.array([9, 9, 9]))
    assert scaled.argmax(axis=1).tolist() == [1, 0, 2]


@pytest.mark.parametrize("value", [1e-6, 1e6])
def test_extremes(value: float) -> None:
    """Any temperature gives a distribution."""
    scaled = Temperature((1,), (value,)).scale(softmax(np.array([[9, 1, -90]], dtype=np.float32)), np.array([9]))
    assert scaled.sum() == pytest.approx(1)
    assert scaled.argmax() == 0


@given(LOGITS, LENGTHS, TEMPERATURES)
def test_each_row_alone(logits: np.ndarray, lengths: np.ndarray, temperature: Temperature) -> None:
    """A row is scaled to the same bits whatever is beside it."""
    probabilities = softmax(logits)
    together = temperature.scale(probabilities, lengths)
    for row in range(len(logits)):
        alone = temperature.scale(probabilities[row : row + 1], lengths[row : row + 1])
        assert alone.tobytes() == together[row].tobytes()


@given(LOGITS, LENGTHS)
def test_inverse(logits: np.ndarray, lengths: np.ndarray) -> None:
    """The inverse of a temperature undoes it."""
    probabilities = softmax(logits / 4)
    back = BY_LENGTH.inverse.scale(BY_LENGTH.scale(probabilities, lengths), lengths)
    np.testing.assert_allclose(back, probabilities, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [UNSCALED, Temperature((4, 256), (1.0, 1.0), ("dev",))])
def test_one_changes_nothing(temperature: Temperature) -> None:
    """At 1 the probabilities are the same to the bit."""
    probabilities = softmax(np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32))
    assert temperature.scale(probabilities, np.arange(50)).tobytes() == probabilities.tobytes()


def test_rows_without_a_prediction() -> None:
    """NaN stays NaN, and no rows stay no rows."""
    scaled = BY_LENGTH.scale(np.array([[np.nan, np.nan], [0.9, 0.1]], dtype=np.float32), np.array([0, 16]))
    assert np.isnan(scaled[0]).all()
    assert scaled[1, 0] < 0.9
    assert BY_LENGTH.scale(np.empty((0, 5), dtype=np.float32), np.empty(0)).shape == (0, 5)


@pytest.mark.parametrize(
    ("tokens", "values"),
    [((), ()), ((4,), (1.0, 2.0)), ((4, 4), (1.0, 1.0)), ((9, 4), (1.0, 1.0)), ((0,), (1.0,))]
    + [((4,), (value,)) for value in (0.0, -1.0, math.nan, math.inf)],
)
def test_what_is_no_temperature(tokens: tuple[int, ...], values: tuple[float, ...]) -> None:
    """Lengths not ascending from 1, and temperatures other than one number above 0 for each, are refused."""
    with pytest.raises(ValueError, match=r"^temperatures (at|of) \["):
        Temperature(tokens, values)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same tiny model without a temperature, with one, and with one of 1."""
    temperatures = {"unscaled": UNSCALED, "scaled": BY_LENGTH, "ones": Temperature((4, 16), (1.0, 1.0))}
    folders = {}
    for name, temperature in temperatures.items():
        folders[name] = tmp_path_factory.mktemp(name)
        save_model(folders[name])
        description = Description(FIVE_CLASSES, None, MAX_TOKENS, Quantization.NONE, 17, temperature=temperature)
        write_manifest(folders[name], description)
    return folders


TEXTS = [
    "good",
    "bad film",
    None,
    "",
    "the film was not really good",
    "good bad " * 40,
    "worse than the worst film seen",
]


@pytest.mark.parametrize("long_text", list(LongText))
def test_the_worker_scales(bundles: dict[str, Path], long_text: LongText) -> None:
    """The scorer scales by the bundle's temperature for the tokens it read; labels stay the same."""
    options = ScoringOptions(Device.CPU, threads=2, long_text=long_text)
    with (
        Scorer.load(bundles["unscaled"], options) as unscaled,
        Scorer.load(bundles["scaled"], options) as scaled,
        Scorer.load(bundles["ones"], options) as ones,
    ):
        before, after, same = (scorer.score(TEXTS) for scorer in (unscaled, scaled, ones))
    assert after.probabilities.tobytes() == BY_LENGTH.scale(before.probabilities, before.n_tokens).tobytes()
    assert after.probabilities.tobytes() != before.probabilities.tobytes()
    assert after.probabilities.argmax(axis=1).tolist() == before.probabilities.argmax(axis=1).tolist()
    assert same.probabilities.tobytes() == before.probabilities.tobytes()


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=12), st.integers(1, 3), st.integers(1, 99))
def test_same_row_same_answer(
    bundles: dict[str, Path], texts: list[str | None], threads: int, batch_tokens: int
) -> None:
    """Even with a temperature, a row's prediction depends on nothing but the row, to the bit."""
    with Scorer.load(bundles["scaled"], ScoringOptions(Device.CPU, threads, batch_tokens)) as scorer:
        together = scorer.score(texts).probabilities
        assert [row.tobytes() for row in together] == [scorer.score([text]).probabilities.tobytes() for text in texts]
