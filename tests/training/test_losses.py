"""The loss, compared with formulas written out in NumPy."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_batch.training.encoded import EncodedTexts
from sentiment_batch.training.finetune import _objective
from sentiment_batch.training.losses import Objective, weigh_labels
from sentiment_batch.training.recipe import CorpusSpec, Recipe, TrainingOptions

ROWS, COUNT = 6, 5
Array = npt.NDArray[np.float64]


def softmax(logits: Array) -> Array:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def divergence(true: Array, other: Array) -> Array:
    """Return KL(true ‖ other) of each row."""
    return np.asarray((true * np.log(true / other)).sum(axis=1))


@pytest.fixture
def logits() -> Array:
    return np.random.default_rng(0).normal(size=(ROWS, COUNT)) * 2


@pytest.fixture
def labels() -> npt.NDArray[np.int64]:
    return np.array([0, 4, 2, 2, 1, 3])


def of(objective: Objective, logits: Array, labels: npt.NDArray[np.int64], soft: Array | None = None) -> float:
    soft_labels = None if soft is None else torch.tensor(soft, dtype=torch.float32)
    return float(objective(torch.tensor(logits, dtype=torch.float32), torch.tensor(labels), soft_labels))


def test_nothing_added_is_cross_entropy(logits: Array, labels: npt.NDArray[np.int64]) -> None:
    """Without options the loss is the mean cross-entropy of the labels."""
    expected = -np.log(softmax(logits)[np.arange(ROWS), labels]).mean()
    assert of(Objective(), logits, labels) == pytest.approx(expected, rel=1e-5)


def test_class_weights(logits: Array, labels: npt.NDArray[np.int64]) -> None:
    """Each text counts with the weight of its label, whatever is added, and whatever texts are in its batch."""
    weights = np.array([1.0, 2.0, 0.5, 4.0, 3.0])
    objective = Objective(class_weights=torch.tensor(weights).float(), label_smoothing=0.2, ordinal=1.5)
    target = np.eye(COUNT)[labels] * 0.8 + 0.2 / COUNT
    distance = np.cumsum(softmax(logits), axis=1) - np.cumsum(np.eye(COUNT)[labels], axis=1)
    losses = -(target * np.log(softmax(logits))).sum(axis=1) + 1.5 * (distance**2).sum(axis=1)
    expected = (losses * weights[labels]).mean()
    assert of(objective, logits, labels) == pytest.approx(expected, rel=1e-5)
    alone = [of(objective, logits[[row]], labels[[row]]) for row in range(ROWS)]
    assert np.mean(alone) == pytest.approx(expected, rel=1e-5)


def test_label_smoothing(logits: Array, labels: npt.NDArray[np.int64]) -> None:
    """A share of each label is spread over all labels."""
    target = np.eye(COUNT)[labels] * 0.8 + 0.2 / COUNT
    expected = -(target * np.log(softmax(logits))).sum(axis=1).mean()
    assert of(Objective(label_smoothing=0.2), logits, labels) == pytest.approx(expected, rel=1e-5)


def test_ordinal(logits: Array, labels: npt.NDArray[np.int64]) -> None:
    """The squared distance of the cumulative distributions is added, times its weight."""
    distance = np.cumsum(softmax(logits), axis=1) - np.cumsum(np.eye(COUNT)[labels], axis=1)
    expected = of(Objective(), logits, labels) + 1.5 * (distance**2).sum(axis=1).mean()
    assert of(Objective(ordinal=1.5), logits, labels) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("near", "far"), [(1, 2), (1, 4), (3, 4)])
def test_ordinal_knows_the_order(near: int, far: int) -> None:
    """Being equally sure of a label further from the true one costs more, which cross-entropy does not see."""
    labels = np.array([0])
    losses = [of(Objective(ordinal=1.0), np.eye(COUNT)[[guess]] * 5, labels) for guess in (near, far)]
    assert losses[0] < losses[1]
    plain = [of(Objective(), np.eye(COUNT)[[guess]] * 5, labels) for guess in (near, far)]
    assert plain[0] == pytest.approx(plain[1])


def test_r_drop(logits: Array, labels: npt.NDArray[np.int64]) -> None:
    """Both passes learn the labels, and their symmetric divergence is added, times its weight."""
    other = logits + np.random.default_rng(1).normal(size=logits.shape)
    first, second = softmax(logits), softmax(other)
    agreement = (divergence(first, second) + divergence(second, first)).mean() / 2
    expected = (of(Objective(), logits, labels) + of(Objective(), other, labels)) / 2 + 0.7 * agreement
    assert of(Objective(r_drop=0.7), np.concatenate([logits, other]), labels) == pytest.approx(expected, rel=1e-5)


def test_distillation(logits: Array, labels: npt.NDArray[np.int64]) -> None:
    """The divergence from the teacher at its temperature replaces its share of the labels' loss."""
    teacher = softmax(np.random.default_rng(2).normal(size=logits.shape))
    student = softmax(logits / 3)
    expected = 0.4 * of(Objective(), logits, labels) + 0.6 * 9 * divergence(teacher, student).mean()
    objective = Objective(temperature=3.0, teacher_share=0.6)
    assert of(objective, logits, labels, teacher) == pytest.approx(expected, rel=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=40), st.floats(0.01, 3))
def test_balanced_weights(labels: list[int], times: float) -> None:
    """All labels that occur have the same total weight, and a text weighs 1 on average, however often it is shown."""
    shown = torch.bincount(torch.tensor(labels), minlength=COUNT) * times
    weights = weigh_labels("balanced", shown).numpy()
    sums = [labels.count(label) * weights[label] for label in set(labels)]
    assert sums == pytest.approx([len(labels) / len(sums)] * len(sums), rel=1e-5)


def test_named_weights() -> None:
    """Only their ratio matters: a text weighs 1 on average, so that the learning rate means the same."""
    weights = weigh_labels((10, 20, 40), torch.tensor([3.0, 1.0, 0.0]))
    assert weights.tolist() == pytest.approx([0.8, 1.6, 3.2])


def test_balanced_by_what_is_shown() -> None:
    """A label from a corpus of which an epoch shows a quarter weighs four times as much."""
    corpora = CorpusSpec("whole", "x.csv"), CorpusSpec("quarter", "y.csv", weight=0.25)
    recipe = Recipe(corpora, labels=("bad", "good"), options=TrainingOptions(class_weights="balanced"))
    train = [EncodedTexts([[1]] * 4, np.array([label] * 4)) for label in range(2)]
    weights = _objective(recipe, train).class_weights
    assert weights is not None
    assert weights.tolist() == pytest.approx([0.625, 2.5])
