"""The same scorer in another process."""

from dataclasses import replace
from pathlib import Path

import pytest

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.replica import Replica
from sentiment_batch.scoring import Scorer


def test_another_node(model: Path, tiny_bundle: Path) -> None:
    """A process with other versions, or one whose scores differ in any bit, says so and does not score."""
    with Scorer.load(model) as scorer, Scorer.load(tiny_bundle) as other:
        same = Replica.of(scorer)
        with same.load() as loaded:
            assert loaded.bundle.sha256 == scorer.bundle.sha256
            assert loaded.threads == 1
        with pytest.raises(ConfigurationError, match=r"has .*, not onnxruntime 1\.0: install the same"):
            replace(same, versions={"onnxruntime": "1.0"}).load()
        with pytest.raises(ConfigurationError, match="does not give the same bits as the machine"):
            replace(same, proof=Replica.of(other).proof).load()
