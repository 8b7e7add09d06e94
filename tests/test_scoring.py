"""From texts to probabilities; the properties are shown on the built-in model."""

import csv
import random
import subprocess
import sys
import threading
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.encoding import EMPTY_TEXT, NULL_TEXT
from sentiment_batch.errors import ConfigurationError, UsageError
from sentiment_batch.scores import Scores
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device, Session
from sentiment_batch.text import LongText, Tokenizer

REVIEWS = Path(__file__).resolve().parent.parent / "examples" / "reviews.csv"
WORDS = ["the", "a", "good", "bad", "film", "not", "was", "seen", "never", "great", "boring", "you", "worst"]
LENGTHS = [1, 1, 1, 2, 2, 5, 5, 6, 14, 14, 15, 30, 30, 62, 63, 126, 254, 510, 600]


def sample_texts() -> list[str | None]:
    """Return reviews of many kinds, a made-up text for each of several lengths, and null and empty ones."""
    choice = random.Random(0)
    made = [" ".join(choice.choices(WORDS, k=length)) for length in LENGTHS]
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        reviews = [row["text"] for row in csv.DictReader(file)]
    return [None, "", "\u200b", *made, *(review for review in reviews if len(review) < 800)][:70]


TEXTS = sample_texts()


@pytest.fixture(scope="module")
def bundle(default_model: Path) -> ModelBundle:
    return ModelBundle.load(default_model)


@pytest.fixture(scope="module")
def session(bundle: ModelBundle) -> Session:
    return Session(bundle.graph, Device.CPU)


@pytest.fixture(scope="module")
def sessions(bundle: ModelBundle, session: Session) -> dict[int, Session]:
    """Sessions by the number of threads that compute a run."""
    return {1: session, 2: Session(bundle.graph, Device.CPU, threads=2)}


@pytest.fixture(scope="module")
def alone(bundle: ModelBundle, session: Session) -> dict[str | None, bytes]:
    """For each of `TEXTS`, its prediction to the bit when scored alone."""
    with Scorer(bundle, session, ScoringOptions(threads=1)) as scorer:
        return {text: rows_of(scorer.score([text]))[0] for text in TEXTS}


def rows_of(scores: Scores) -> list[bytes]:
    """Each row's prediction to the bit."""
    columns = zip(scores.probabilities, scores.n_tokens, scores.truncated, scores.errors, strict=True)
    return [
        probabilities.tobytes() + repr((int(n_tokens), bool(truncated), error)).encode("ascii")
        for probabilities, n_tokens, truncated, error in columns
    ]


@settings(max_examples=40)
@given(
    texts=st.lists(st.sampled_from(TEXTS), max_size=30),
    borders=st.sets(st.integers(0, 30), max_size=4),
    threads=st.integers(1, 3),
    threads_per_run=st.integers(1, 2),
    batch_tokens=st.integers(1, 4096),
)
def test_same_row_same_answer(
    bundle: ModelBundle,
    sessions: dict[int, Session],
    alone: dict[str | None, bytes],
    texts: list[str | None],
    borders: set[int],
    threads: int,
    threads_per_run: int,
    batch_tokens: int,
) -> None:
    """A row's prediction is the same, to the bit, whatever the neighbours, order, threads, batches and chunks."""
    edges = [0, *sorted(border for border in borders if border < len(texts)), len(texts)]
    chunks = [texts[start:end] for start, end in pairwise(edges)]
    options = ScoringOptions(threads=threads, batch_tokens=batch_tokens)
    with Scorer(bundle, sessions[threads_per_run], options) as scorer:
        scored = list(scorer.stream(chunks, lambda chunk: chunk))
    assert [chunk for chunk, _ in scored] == chunks
    assert [row for _, scores in scored for row in rows_of(scores)] == [alone[text] for text in texts]


def test_full_batches(bundle: ModelBundle, session: Session, alone: dict[str | None, bytes]) -> None:
    """The same holds for all texts in one chunk, in batches of the usual size."""
    with Scorer(bundle, session, ScoringOptions(threads=2)) as scorer:
        assert rows_of(scorer.score(TEXTS)) == [alone[text] for text in TEXTS]


def test_lengths_of_the_samples(bundle: ModelBundle, session: Session) -> None:
    """The sample texts range from the shortest to the longest that the model reads."""
    with Scorer(bundle, session, ScoringOptions(threads=2)) as scorer:
        scores = scorer.score(TEXTS)
    lengths = set(scores.n_tokens.tolist())
    assert {0, 3, 4, 64, 512} <= lengths
    assert max(lengths) == bundle.max_tokens
    assert scores.padding_tokens == 0


def test_default_model_tells_good_from_bad(bundle: ModelBundle, session: Session) -> None:
    """The built-in model tells plain praise from plain blame."""
    with Scorer(bundle, session, ScoringOptions(threads=1)) as scorer:
        praise, blame = scorer.score(["I had an awesome day!", "A terrible, boring waste of time."]).probabilities
    assert scorer.bundle.labels[int(praise.argmax())].endswith("positive")
    assert scorer.bundle.labels[int(blame.argmax())].endswith("negative")


@pytest.mark.parametrize(("threads_per_run", "resolved", "runs"), [(1, 1, 4), (2, 2, 2), (3, 3, 1), (None, 4, 1)])
def test_threads_of_a_run(tiny_bundle: Path, threads_per_run: int | None, resolved: int, runs: int) -> None:
    """As many runs go at a time as get `threads_per_run` threads each; with None it is one run on all threads."""
    options = ScoringOptions(threads=4, batch_tokens=1, threads_per_run=threads_per_run)
    with Scorer.load(tiny_bundle, options) as scorer:
        assert (scorer.threads, scorer.options.threads_per_run) == (4, resolved)
        before = set(threading.enumerate())
        scorer.score(["good " * length for length in range(1, 200)])
        assert 1 <= len(set(threading.enumerate()) - before) <= runs


@pytest.fixture(scope="module")
def tiny(tiny_bundle: Path) -> tuple[ModelBundle, Session]:
    loaded = ModelBundle.load(tiny_bundle)
    return loaded, Session(loaded.graph, Device.CPU)


@given(st.lists(st.none() | st.text(max_size=60), max_size=30))
def test_probabilities_are_a_distribution(tiny_scorer: Scorer, texts: list[str | None]) -> None:
    """The probabilities of a scored row sum to 1; those of any other row are NaN."""
    scores = tiny_scorer.score(texts)
    scored = np.array([error is None for error in scores.errors], dtype=np.bool_)
    assert scores.probabilities.shape == (len(texts), 5)
    assert scores.probabilities.dtype == np.float32
    np.testing.assert_allclose(scores.probabilities[scored].sum(axis=1), 1, rtol=1e-6)
    assert (scores.probabilities[scored] >= 0).all()
    assert np.isnan(scores.probabilities[~scored]).all()
    assert (scores.n_tokens[~scored] == 0).all()


def test_against_the_graph(tiny_scorer: Scorer) -> None:
    """Probabilities are the softmax of the graph's logits for the framed tokens."""
    [encoded] = Tokenizer(tiny_scorer.bundle.tokenizer, 32).encode(["good film"])
    logits = Session(tiny_scorer.bundle.graph, Device.CPU).run(np.array(encoded.pieces, dtype=np.int64))[0]
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(tiny_scorer.score(["good film"]).probabilities[0], expected, rtol=1e-6)


def test_reasons(tiny_scorer: Scorer) -> None:
    """A row without a prediction gives the reason: no text at all, or none that the model can read."""
    assert tiny_scorer.score([None, "", " \n", "\u200b", "good"]).errors == [
        NULL_TEXT,
        EMPTY_TEXT,
        EMPTY_TEXT,
        EMPTY_TEXT,
        None,
    ]


def test_duplicates_are_scored_once(tiny: tuple[ModelBundle, Session]) -> None:
    """Texts with the same tokens go through the model once and get equal rows."""

    class CountingSession(Session):
        rows = 0

        def run(
            self, input_ids: npt.NDArray[np.int64], attention_mask: npt.NDArray[np.int64] | None = None
        ) -> npt.NDArray[np.float32]:
            self.rows += len(input_ids)
            return super().run(input_ids, attention_mask)

    session = CountingSession(tiny[0].graph, Device.CPU)
    with Scorer(tiny[0], session, ScoringOptions(threads=1)) as scorer:
        session.rows = 0
        good, bad, *again = rows_of(scorer.score(["good film", "bad film", "Good  film", "good film"]))
    assert session.rows == 2
    assert again == [good, good]
    assert bad != good


def test_windows_are_averaged(tiny: tuple[ModelBundle, Session]) -> None:
    """With WINDOWS the probabilities of a long text are the mean of those of its pieces."""
    options = ScoringOptions(threads=1, max_tokens=4, long_text=LongText.WINDOWS)
    with Scorer(*tiny, options) as scorer:
        first, second, whole = scorer.score(["good film", "was bad", "good film was bad"]).probabilities
        np.testing.assert_array_equal(whole, (first + second) / 2)
        assert scorer.score(["good film was bad"]).n_tokens.tolist() == [8]


def test_truncation_is_reported(tiny: tuple[ModelBundle, Session]) -> None:
    """`n_tokens` counts what the model read, special tokens included; `truncated` says whether there was more."""
    with Scorer(*tiny, ScoringOptions(threads=1, max_tokens=4)) as scorer:
        scores = scorer.score(["good film", "good film was", "good"])
    assert scores.n_tokens.tolist() == [4, 4, 3]
    assert scores.truncated.tolist() == [False, True, False]


def test_head_tail_reads_the_end(tiny: tuple[ModelBundle, Session]) -> None:
    """With HEAD_TAIL the end of a long text counts, with HEAD it does not."""
    texts = ["good film was a really good film", "good film was a really bad film"]
    for long_text, differ in ((LongText.HEAD, False), (LongText.HEAD_TAIL, True)):
        with Scorer(*tiny, ScoringOptions(threads=1, max_tokens=6, long_text=long_text)) as scorer:
            good, bad = rows_of(scorer.score(texts))
        assert (good != bad) is differ


def test_no_rows(tiny_scorer: Scorer) -> None:
    """No texts give no rows."""
    assert tiny_scorer.score([]).probabilities.shape == (0, 5)


def test_too_many_tokens(tiny_bundle: Path) -> None:
    """More tokens than the model has positions are refused, naming the option to change."""
    with pytest.raises(ConfigurationError, match="at most 32 tokens: lower --max-tokens"):
        Scorer.load(tiny_bundle, ScoringOptions(Device.CPU, max_tokens=33))


@pytest.mark.parametrize(
    "texts", ["great film", b"great film", {"great film": 1}, {"great film"}, (text for text in ["good"]), None, 3]
)
def test_no_list_of_texts(tiny_scorer: Scorer, texts: Any) -> None:
    """A single text is not split into letters, nor anything else taken for a list; both ways of scoring refuse it."""
    message = f"texts is a list of str or None, not {type(texts).__name__}: put them into a list"
    with pytest.raises(TypeError, match=message):
        tiny_scorer.score(texts)
    with pytest.raises(TypeError, match=message):
        list(tiny_scorer.stream([texts], lambda chunk: chunk))


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        ([b"good"], "bytes"),
        ([b""], "bytes"),
        (["good", 3], "int"),
        (["good", 0], "int"),
        (["good", None, float("nan")], "float"),
        ([["good"], 3], "int and list"),
        (pa.array(["good", None]), "StringScalar"),
    ],
)
def test_what_is_no_text(tiny_scorer: Scorer, texts: Any, kinds: str) -> None:
    """Values that are not text are refused as such, even if Python counts them as empty."""
    with pytest.raises(TypeError, match=f"texts is a list of str or None, and holds {kinds}: make them strings"):
        tiny_scorer.score(texts)


@pytest.mark.parametrize("make", [tuple, np.array, lambda texts: np.array(texts, dtype=object)])
def test_other_lists_of_texts(tiny_scorer: Scorer, make: Any) -> None:
    """Any sequence of strings can be scored."""
    texts = ["good film", "bad film", ""]
    assert rows_of(tiny_scorer.score(make(texts))) == rows_of(tiny_scorer.score(texts))


@pytest.mark.parametrize("count", [0, 1, 10, 100])
def test_closed(tiny_bundle: Path, count: int) -> None:
    """A closed scorer says so, however little there is to do, and even in the middle of a stream."""
    texts = [f"film {number}" for number in range(count)]
    with Scorer.load(tiny_bundle, ScoringOptions(Device.CPU, threads=2)) as scorer:
        under_way = [scorer.stream([texts] * number, lambda chunk: chunk) for number in (2, 3, 4)]
        for chunks in under_way:
            next(chunks)
    for attempt in (
        lambda: scorer.score(texts),
        lambda: list(scorer.stream([texts], lambda chunk: chunk)),
        *(partial(list, chunks) for chunks in under_way),
    ):
        with pytest.raises(RuntimeError, match="this scorer is closed: load another"):
            attempt()


def test_forked(tiny_bundle: Path) -> None:
    """A child that a process forks says that it has to load its own scorer, and does not wait for ever."""
    script = f"""
import os
from sentiment_batch import Scorer

scorer = Scorer.load({str(tiny_bundle)!r})
texts = ["film " * length for length in range(1, 200)]
scorer.score(texts)
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    scorer.score(texts)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "RuntimeError: this scorer was loaded before a fork: load another in this process" in done.stderr


@pytest.mark.parametrize("kind", [str, Path])
def test_where_the_model_is(tiny_bundle: Path, kind: type) -> None:
    """A model folder can be given as a path or a string."""
    with Scorer.load(kind(tiny_bundle)) as scorer:
        assert scorer.bundle.folder == tiny_bundle


def test_options_by_their_names(tiny_bundle: Path) -> None:
    """Options given as strings work like the enums."""
    options = ScoringOptions(device="cpu", long_text="windows")  # type: ignore[arg-type]
    assert options == ScoringOptions(Device.CPU, long_text=LongText.WINDOWS)
    with Scorer.load(tiny_bundle, options) as scorer:
        assert scorer.score(["good " * 100]).n_tokens[0] > 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "device is one of auto, cpu, cuda, not 'gpu'"),
        ({"device": None}, "device is one of auto, cpu, cuda, not None"),
        ({"long_text": "foo"}, "long_text is one of head, head-tail, windows, not 'foo'"),
        ({"threads": -1}, "threads is a whole number above 0, or None, not -1"),
        ({"threads": 0}, "threads is a whole number above 0, or None, not 0"),
        ({"threads": True}, "threads is a whole number above 0, or None, not True"),
        ({"threads": 1.5}, r"threads is a whole number above 0, or None, not 1\.5"),
        ({"batch_tokens": 0}, "batch_tokens is a whole number above 0"),
        ({"max_tokens": "20"}, "max_tokens is a whole number above 0, or None, not '20'"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    """Options that cannot work are refused on creation, with what is allowed."""
    with pytest.raises(UsageError, match=message):
        ScoringOptions(**options)


@pytest.mark.parametrize("options", [{"threads": 1}, {}, Device.CPU])
def test_what_are_no_options(tiny_bundle: Path, options: Any) -> None:
    """Options of another type are named, even where Python counts them as none."""
    with pytest.raises(TypeError, match=f"options is a ScoringOptions or None, not {type(options).__name__}"):
        Scorer.load(tiny_bundle, options)


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is installed")
def test_auto_device_without_cuda(tiny_bundle: Path) -> None:
    """Without CUDA, device auto is the CPU, and the scorer says so."""
    with Scorer.load(tiny_bundle) as scorer:
        assert (scorer.device, scorer.provider) == (Device.CPU, "CPUExecutionProvider")


def test_not_a_graph(tmp_path: Path) -> None:
    """A graph that the runtime cannot load is named, on one line."""
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ConfigurationError, match=r"model\.onnx does not load: .+\Z"):
        Session(tmp_path / "model.onnx", Device.CPU)
