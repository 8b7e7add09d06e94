"""From label names to polarities, and to columns that differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.labels import polarities, require_names

FIVE = {"very negative": -1.0, "negative": -0.5, "neutral": 0.0, "positive": 0.5, "very positive": 1.0}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("negative", "positive"), (-1, 1)),
        (("NEGATIVE", "POSITIVE"), (-1, 1)),
        (("negative", "neutral", "positive"), (-1, 0, 1)),
        (("neg", "neu", "pos"), (-1, 0, 1)),
        (("very_negative", "negative", "mixed", "positive", "very_positive"), (-1, -0.5, 0, 0.5, 1)),
        (("1 star", "2 stars", "3 stars", "4 stars", "5 stars"), (-1, -0.5, 0, 0.5, 1)),
        (("neutral", "positive"), (0, 1)),
        (("negative", "neutral", "positive", "very positive"), (-0.5, 0, 0.5, 1)),
        (("1 star", "3 stars", "5 stars"), (-1, 0, 1)),
    ],
)
def test_known_scales(labels: tuple[str, ...], expected: tuple[float, ...]) -> None:
    """Names in common use have their polarity on a scale from -1 to 1, with neutral at 0."""
    assert polarities(labels) == expected


@given(st.permutations(list(FIVE)))
def test_order_of_the_outputs_does_not_matter(labels: list[str]) -> None:
    """A label's polarity comes from its name, not from its place among the model's outputs."""
    assert polarities(labels) == tuple(FIVE[label] for label in labels)


@pytest.mark.parametrize(
    "labels",
    [
        ("LABEL_0", "LABEL_1"),
        ("joy", "anger", "sadness"),
        ("negative", "positive", "spam"),
        ("negative", "neg"),
        ("1 star", "positive"),
        ("positive",),
        (),
    ],
)
def test_unknown_order(labels: tuple[str, ...]) -> None:
    """Labels of unknown order have no polarity: it is never guessed."""
    assert polarities(labels) is None


@pytest.mark.parametrize("labels", [("a", "b", "a"), ("so so", "so_so")])
def test_one_column_for_two_labels(labels: tuple[str, ...]) -> None:
    """Labels that would share a column are refused, and what lists them is named."""
    with pytest.raises(ConfigurationError, match=f"a list has two labels called '{labels[0]}'"):
        require_names(labels, "a list")


@pytest.mark.parametrize("label", ["", "\ud83d"])
def test_labels_without_a_name(label: str) -> None:
    """A label that nothing could be called is refused before a bundle is made that cannot be loaded."""
    with pytest.raises(ConfigurationError, match=r"a list has a label called .*, which is no name: give it another"):
        require_names(("a", label), "a list")
