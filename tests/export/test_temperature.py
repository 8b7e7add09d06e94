"""Fitting a temperature finds the true one, and stays cautious where there is little data."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sentiment_batch.calibration import reliability
from sentiment_batch.export.sample import EncodedSample
from sentiment_batch.export.temperature import ScoredSample, calibration_records, fit_temperature, labelled
from sentiment_batch.scores import softmax
from sentiment_batch.temperature import UNSCALED, Temperature

TRUTH = Temperature((4, 16, 64, 256), (0.8, 2.0, 1.5, 1.2))


def drawn(texts: int, lengths: tuple[int, int], seed: int = 0, truth: Temperature = TRUTH) -> ScoredSample:
    """Return texts whose labels are drawn at `truth` from the probabilities of a model without temperature."""
    random = np.random.default_rng(seed)
    n_tokens = np.exp(random.uniform(*np.log(lengths), texts)).astype(np.int64)
    probabilities = softmax(random.normal(scale=2, size=(texts, 5)).astype(np.float32))
    shares = truth.scale(probabilities, n_tokens).cumsum(axis=1)
    labels = (random.random((texts, 1)) > shares).sum(axis=1).clip(max=4)
    return ScoredSample(probabilities, n_tokens, labels, random.random(texts) < 0.5)


def test_the_truth_is_found() -> None:
    """With many texts of all lengths, the fit finds the labels' true temperatures, and the error vanishes."""
    samples = {"short": drawn(20_000, (3, 60)), "long": drawn(20_000, (20, 600), seed=1)}
    found = fit_temperature(samples)
    assert (found.tokens, found.fitted_on) == (TRUTH.tokens, ("short", "long"))
    np.testing.assert_allclose(found.values, TRUTH.values, rtol=0.05)
    for name, record in calibration_records(samples, found).items():
        assert record["unscaled"] > 0.05, name
        assert max(record["scaled"], record["other_half"]) < 0.02, name
        assert record["by_chance"] < 0.02, name


def test_no_nearby_temperature_is_better() -> None:
    """The fitted temperature has a lower loss than its neighbours."""
    samples = {"dev": drawn(2000, (3, 600))}
    found = fit_temperature(samples)
    least = samples["dev"].loss(found)
    for place in range(len(found.values)):
        for factor in (0.8, 1.25):
            values = [value * (factor if i == place else 1) for i, value in enumerate(found.values)]
            assert samples["dev"].loss(replace(found, values=tuple(values))) > least


def test_every_sample_counts_the_same() -> None:
    """If two samples of the same lengths disagree, the larger one counts for no more, in the fits of halves either."""
    sure, unsure = (Temperature((1,), (value,)) for value in (0.5, 2.0))
    samples = {"small": drawn(1000, (16, 17), 0, sure), "large": drawn(20_000, (16, 17), 1, unsure)}
    both = fit_temperature(samples)
    assert fit_temperature({"large": samples["large"]}).values[1] == pytest.approx(2, rel=0.05)
    assert both.values[1] < 1.5
    for record in calibration_records(samples, both).values():
        assert record["other_half"] == pytest.approx(record["scaled"], rel=0.05)


def test_lengths_without_texts_follow_their_neighbour() -> None:
    """Fitted on sentences only, reviews get the temperature of sentences."""
    found = fit_temperature({"dev": drawn(5000, (16, 17))})
    assert found.values[1] == pytest.approx(2, rel=0.1)
    assert found.values[2:] == pytest.approx([found.values[1]] * 2, rel=0.01)


def test_few_texts_decide_little() -> None:
    """Five texts that are all right, and confidently so, do not make the model much surer: nor beside many others."""
    few = drawn(5, (200, 300))
    few = replace(few, labels=few.probabilities.argmax(axis=1))
    many = drawn(20_000, (4, 30), truth=Temperature((1,), (1.3,)))
    alone, beside, without = map(fit_temperature, ({"few": few}, {"few": few, "many": many}, {"many": many}))
    assert all(0.5 < value < 1.5 for value in alone.values)
    assert beside.values[:2] == pytest.approx(without.values[:2], rel=0.05)
    assert 0.5 < beside.values[3] / without.values[3] < 1


def test_a_model_that_is_never_wrong() -> None:
    """However many texts are right, the temperature stays above a tenth."""
    many = drawn(5000, (3, 600))
    found = fit_temperature({"many": replace(many, labels=many.probabilities.argmax(axis=1))})
    assert min(found.values) >= 0.1 * (1 - 1e-9)
    assert reliability(many.scaled(found), many.probabilities.argmax(axis=1)).error < 0.1


def test_without_labels() -> None:
    """Samples without labels are not fitted on."""
    plain = EncodedSample([[1, 2, 3]], None)
    assert labelled({"plain": plain}, {"plain": np.array([[0.4, 0.6]], dtype=np.float32)}) == {}
    assert fit_temperature({}) is UNSCALED
    assert calibration_records({}, UNSCALED) == {}


def test_halves() -> None:
    """Equal texts are in the same half, whatever their sample, and the halves are about equal."""
    sequences = [[1, number, 2] for number in range(400)]
    one, other = (EncodedSample(order, np.zeros(400, dtype=np.int64)) for order in (sequences, sequences[::-1]))
    shares = np.full((400, 2), 0.5, dtype=np.float32)
    halves = labelled({"one": one, "other": other}, {"one": shares, "other": shares})
    first = halves["one"].in_first_half
    assert first.tolist() == halves["other"].in_first_half[::-1].tolist()
    assert math.isclose(first.mean(), 0.5, abs_tol=0.1)
    assert len(halves["one"].half(first=True)) + len(halves["one"].half(first=False)) == 400


def test_other_half_is_fitted_on_other_texts() -> None:
    """Halves that contradict each other are scaled the wrong way by each other, and the record shows it."""
    sure, unsure = (Temperature((1,), (value,)) for value in (0.4, 2.5))
    one, two = drawn(4000, (20, 30), 0, sure), drawn(4000, (20, 30), 1, unsure)
    both = ScoredSample(*(np.concatenate([getattr(half, part) for half in (one, two)]) for part in vars(one)))
    both = replace(both, in_first_half=np.arange(8000) < 4000)
    record = calibration_records({"both": both}, fit_temperature({"both": both}))["both"]
    assert record["other_half"] > 2 * record["scaled"]
