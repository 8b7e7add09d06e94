"""The hardware limit on 8-bit products."""

import json
import math
from pathlib import Path

import pytest

from benchmarks.gemm import gemm_rate
from benchmarks.limit import projections
from benchmarks.process import BenchmarkError, in_subprocess


def write_config(folder: Path, model_type: str = "bert") -> Path:
    config = {"model_type": model_type, "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder / "config.json"


def test_operations_of_a_token(tmp_path: Path) -> None:
    """Six layers of 384 and 1,536, of which the last needs only keys and values, take 18.3 million operations."""
    shapes = projections(write_config(tmp_path))
    assert 2 * sum(rows * columns for rows, columns in shapes) == 18_284_544


def test_only_a_bert_has_a_limit(tmp_path: Path) -> None:
    """The projections of other models are refused, not counted wrongly."""
    with pytest.raises(BenchmarkError, match="name the checkpoint of a BERT"):
        projections(write_config(tmp_path, "distilbert"))


def test_rate_is_measured_on_the_threads() -> None:
    """Every thread multiplies in its own session, and the sum of their rates is positive and finite."""
    rate = in_subprocess(gemm_rate, [(32, 64), (64, 32)], 2, 0.05)
    assert 0 < rate < math.inf
