"""The columns that scoring adds."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.encoding import EMPTY_TEXT, NULL_TEXT
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.scores import Scores
from sentiment_batch.scoring import Scorer

LABELS = ("very negative", "neutral", "very positive")
COLUMNS = PredictionColumns(LABELS, (-1.0, 0.0, 1.0))


def make_scores(*rows: list[float] | str) -> Scores:
    """Scores with these probabilities, or errors."""
    probabilities = [[np.nan] * 3 if isinstance(row, str) else row for row in rows]
    return Scores(
        np.array(probabilities, dtype=np.float32).reshape(-1, 3),
        np.array([0 if isinstance(row, str) else 7 for row in rows], dtype=np.int32),
        np.array([False for _ in rows], dtype=np.bool_),
        [row if isinstance(row, str) else None for row in rows],
        0,
        0,
    )


def test_values() -> None:
    """The label is the most probable one, confidence its probability, and polarity the expected value."""
    batch = COLUMNS.batch(make_scores([0.25, 0.25, 0.5], [0.75, 0.25, 0]))
    assert batch.schema == COLUMNS.schema
    assert batch.to_pylist() == [
        {
            "sentiment": "very positive",
            "confidence": 0.5,
            "polarity": 0.25,
            "n_tokens": 7,
            "truncated": False,
            "sentiment_error": None,
        },
        {
            "sentiment": "very negative",
            "confidence": 0.75,
            "polarity": -0.75,
            "n_tokens": 7,
            "truncated": False,
            "sentiment_error": None,
        },
    ]


def test_row_without_a_prediction() -> None:
    """A row that could not be scored has nulls and the reason."""
    columns = PredictionColumns(LABELS, (-1.0, 0.0, 1.0), probabilities=True)
    batch = columns.batch(make_scores(NULL_TEXT, [0, 1, 0], EMPTY_TEXT))
    missing = ["sentiment", "confidence", "polarity", "p_very_negative", "p_neutral", "p_very_positive"]
    for name in missing:
        assert batch.column(name).is_valid().to_pylist() == [False, True, False]
    assert batch.column("sentiment_error").to_pylist() == [NULL_TEXT, None, EMPTY_TEXT]
    assert batch.column("n_tokens").to_pylist() == [0, 7, 0]


def test_probability_columns() -> None:
    """On request there is one float32 column per label, in the model's order."""
    columns = PredictionColumns(LABELS, None, probabilities=True)
    batch = columns.batch(make_scores([0.25, 0.25, 0.5]))
    assert columns.schema.names[6:] == ["p_very_negative", "p_neutral", "p_very_positive"]
    assert [batch.column(i).to_pylist() for i in (6, 7, 8)] == [[0.25], [0.25], [0.5]]
    assert {field.type for field in list(columns.schema)[6:]} == {pa.float32()}


def test_labels_without_order() -> None:
    """If labels have no order, polarity is null."""
    batch = PredictionColumns(LABELS, None).batch(make_scores([1, 0, 0], [0, 0, 1]))
    assert batch.column("polarity").to_pylist() == [None, None]


def test_no_rows() -> None:
    """No scores give a batch without rows, with the same schema."""
    assert COLUMNS.batch(make_scores()).schema == COLUMNS.schema


@given(st.lists(st.text(max_size=40), min_size=1, max_size=20))
def test_bounds(tiny_scorer: Scorer, texts: list[str]) -> None:
    """Polarity is in [-1, 1], confidence in [1/K, 1] up to rounding."""
    batch = PredictionColumns.of(tiny_scorer.bundle, prefix="", probabilities=False).batch(tiny_scorer.score(texts))
    for row in batch.to_pylist():
        assert row["sentiment_error"] or -1 <= row["polarity"] <= 1
        assert row["sentiment_error"] or 0.2 <= row["confidence"] <= 1


@pytest.mark.parametrize("ends", [(0, 1), (1, 0)])
def test_polarity_is_bounded(ends: tuple[int, int]) -> None:
    """Probabilities that rounding has left a little above 1 in all give no polarity beyond the scale."""
    above = float(np.nextafter(np.float32(1), np.float32(2)))
    batch = COLUMNS.batch(make_scores([ends[0] * above, 0, ends[1] * above]))
    assert batch.column("polarity").to_pylist() == [ends[1] - ends[0]]


def test_prefix() -> None:
    """A prefix is put before every added column."""
    columns = PredictionColumns(LABELS, None, "model_", probabilities=True)
    assert all(name.startswith("model_") for name in columns.schema.names)
