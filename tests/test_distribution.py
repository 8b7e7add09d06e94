"""Sums over scored rows, however these are divided among chunks."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.distribution import CONFIDENCE_EDGES, TOKEN_EDGES, Distribution
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.scoring import Scorer
from sentiment_batch.text import Tokenizer

WORDS = st.sampled_from(["good", "bad", "film", "worse", "Ω", "👍 👍", ""])
TEXTS = st.lists(st.lists(WORDS, max_size=40).map(" ".join), max_size=12)


def measured(scorer: Scorer, texts: list[str]) -> tuple[Distribution, int]:
    """Return the distribution of the scored texts, and how many tokens were read."""
    columns = PredictionColumns.of(scorer.bundle, prefix="", probabilities=False)
    scores = scorer.score(texts)
    return columns.distribution(columns.batch(scores), scores.unknown_tokens), int(scores.n_tokens.sum())


@given(texts=TEXTS, cut=st.integers(0, 12))
def test_chunks_add_up(tiny_scorer: Scorer, texts: list[str], cut: int) -> None:
    """The distributions of two chunks add up to that of the whole, in either order, exactly."""
    whole, tokens = measured(tiny_scorer, texts)
    first, second = (measured(tiny_scorer, part)[0] for part in (texts[:cut], texts[cut:]))
    assert (first + second).record(tokens) == (second + first).record(tokens) == whole.record(tokens)
    assert Distribution() + whole == whole + Distribution() == whole


@given(texts=TEXTS)
def test_a_record_says_all(tiny_scorer: Scorer, texts: list[str]) -> None:
    """The sums can be restored from a receipt's record and from a journal, even through JSON."""
    whole, tokens = measured(tiny_scorer, texts)
    record = json.loads(json.dumps(whole.record(tokens)))
    assert Distribution.from_record(record, tokens).record(tokens) == record
    assert Distribution(**json.loads(json.dumps(asdict(whole)))) == whole


@given(
    rows=st.integers(1, 2 * 10**9),
    shares=st.tuples(*[st.floats(0, 1)] * 3),
    ordered=st.booleans(),
)
def test_a_record_of_many_rows(rows: int, shares: tuple[float, float, float], ordered: bool) -> None:
    """However many there are, up to two thousand million, what was divided by their number comes back as it was."""
    polarity, truncated, unknown = (int(share * rows) for share in shares)
    tokens = 3 * rows
    bins = [[rows, *[0] * (len(edges) - 2)] for edges in (CONFIDENCE_EDGES, TOKEN_EDGES)]
    whole = Distribution({"good": rows}, *bins, polarity * 10**6 - rows if ordered else None, truncated, unknown)
    assert Distribution.from_record(json.loads(json.dumps(whole.record(tokens))), tokens) == whole


@given(texts=TEXTS)
def test_against_the_columns(tiny_scorer: Scorer, texts: list[str]) -> None:
    """Every number equals what counting the output's rows one by one gives."""
    columns = PredictionColumns.of(tiny_scorer.bundle, prefix="", probabilities=False)
    scores = tiny_scorer.score(texts)
    rows = [row for row in columns.batch(scores).to_pylist() if row["sentiment"]]
    found = columns.distribution(columns.batch(scores)).record(int(scores.n_tokens.sum()))
    assert found["labels"] == {label: [r["sentiment"] for r in rows].count(label) for label in columns.labels}
    for name, edges in (("confidence", CONFIDENCE_EDGES), ("n_tokens", TOKEN_EDGES)):
        counted, _ = np.histogram([row[name] for row in rows], edges)
        assert found["tokens" if name == "n_tokens" else name] == {"edges": edges, "rows": counted.tolist()}
    if rows:
        assert found["mean_polarity"] == pytest.approx(np.mean([row["polarity"] for row in rows]), abs=1e-6)
        assert found["truncated_share"] == np.mean([row["truncated"] for row in rows])


def test_edges_belong_to_the_bin_above() -> None:
    """A value on an edge is counted in the bin above; values beyond the last edge are in the last bin."""
    confidence = np.array([0.0, 0.05, 0.25, 1.0], dtype=np.float32)
    n_tokens = np.array([7, 8, 512, 99_999], dtype=np.int32)
    found = Distribution.of({}, confidence, None, n_tokens, np.zeros(4, dtype=np.bool_))
    assert [bin for bin, rows in enumerate(found.confidence) if rows] == [0, 1, 5, 19]
    assert [bin for bin, rows in enumerate(found.tokens) if rows] == [0, 1, 12, 14]


def test_labels_without_an_order(tiny_scorer: Scorer) -> None:
    """If labels have no order, there is no mean polarity, however many chunks there are."""
    columns = PredictionColumns(tiny_scorer.bundle.labels, None)
    found = columns.distribution(columns.batch(tiny_scorer.score(["good", "bad"])))
    assert (found + found).record(0)["mean_polarity"] is None


def test_unknown_tokens(tiny_scorer: Scorer) -> None:
    """Tokens missing from the vocabulary are counted as often as they are read, even in a repeated text."""
    assert tiny_scorer.score(["good Ω", "good Ω", "Ω Ω", "", "good"]).unknown_tokens == 4


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (tokenizers.models.WordLevel({"a": 0, "?": 1}, unk_token="?"), 1),
        (tokenizers.models.Unigram([("a", -1.0), ("?", 0.0)], 1), 1),
        (tokenizers.models.BPE({"a": 0}, []), None),
    ],
)
def test_the_token_for_what_is_unknown(tmp_path: Path, model: tokenizers.models.Model, expected: int | None) -> None:
    """For each kind of tokenizer, the unknown token is found, or found to be missing."""
    tokenizers.Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer(tmp_path / "tokenizer.json", 8).unknown_id == expected
