"""Chunk after chunk through a scorer; that they get the predictions of texts alone is shown in test_scoring."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device, Session


def test_no_chunks(tiny_scorer: Scorer) -> None:
    """No chunks give nothing."""
    assert list(tiny_scorer.stream([], lambda chunk: chunk)) == []


def test_stream_reads_little_ahead(tiny_scorer: Scorer) -> None:
    """However many chunks there are, no more than four are held at a time."""
    taken = 0

    def chunks() -> Iterator[list[str]]:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield [f"film {number}"]

    for done, _ in enumerate(tiny_scorer.stream(chunks(), lambda chunk: chunk)):
        assert taken - done <= 4


def test_what_an_error_leaves_is_not_scored(tiny_bundle: Path) -> None:
    """After an error in the chunks, what is scored next does not stand behind batches that nobody waits for."""

    class HeldSession(Session):
        runs = 0
        held = threading.Event()

        def run(
            self, input_ids: npt.NDArray[np.int64], attention_mask: npt.NDArray[np.int64] | None = None
        ) -> npt.NDArray[np.float32]:
            self.runs += 1
            self.held.wait()
            return super().run(input_ids, attention_mask)

    def chunks() -> Iterator[list[str]]:
        for _ in range(2):
            yield ["good film " * length for length in range(1, 50)]
        raise EOFError

    bundle = ModelBundle.load(tiny_bundle)
    session = HeldSession(bundle.graph, Device.CPU)
    session.held.set()
    with Scorer(bundle, session, ScoringOptions(threads=1)) as scorer:  # it tries one token
        session.runs = 0
        session.held.clear()
        with pytest.raises(EOFError):
            list(scorer.stream(chunks(), lambda chunk: chunk))
        session.held.set()
        scorer.score(["good", "bad film"])
    assert session.runs <= 1 + 2
