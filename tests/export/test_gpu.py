"""Scoring on a GPU; skipped, with the reason, where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli.process import Command
from cli.tables import write_table

from sentiment_batch.cuda import require_cuda
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.export import ExportReport
from sentiment_batch.export.sample import built_in_sample
from sentiment_batch.scores import Scores
from sentiment_batch.scoring import PADDED_MULTIPLE, Scorer, ScoringOptions
from sentiment_batch.session import Device


def missing() -> str:
    try:
        require_cuda()
    except ConfigurationError as error:
        return str(error)
    return ""


pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(missing()), reason=missing() or "there is a GPU")]

TEXTS = built_in_sample().texts


def score(folder: Path, options: ScoringOptions) -> Scores:
    with Scorer.load(folder, options) as scorer:
        assert scorer.device is options.device
        return scorer.score(TEXTS)


def test_the_gpu_gives_the_labels_of_the_cpu(float16: ExportReport) -> None:
    """Padded float16 batches on the GPU stay close to what the CPU computes with the same graph."""
    on_cpu, on_gpu = (score(float16.bundle.folder, ScoringOptions(device)) for device in (Device.CPU, Device.CUDA))
    np.testing.assert_allclose(on_gpu.probabilities, on_cpu.probabilities, atol=0.01)
    clear = np.diff(np.sort(on_cpu.probabilities)[:, -2:])[:, 0] > 0.02
    assert clear.any()
    labels = [scores.probabilities[clear].argmax(axis=1).tolist() for scores in (on_cpu, on_gpu)]
    assert labels[0] == labels[1]
    assert 0 < on_gpu.padding_tokens < PADDED_MULTIPLE * len(TEXTS)


def test_batches_hardly_matter(float16: ExportReport) -> None:
    """A row gets nearly the same scores alone in its batch and among many."""
    folder = float16.bundle.folder
    one, many = (score(folder, ScoringOptions(Device.CUDA, batch_tokens=tokens)) for tokens in (1, None))
    np.testing.assert_allclose(one.probabilities, many.probabilities, atol=0.01)


def test_auto_takes_the_gpu_for_its_graphs_alone(float16: ExportReport) -> None:
    """A float16 bundle runs on CUDA, two runs at a time; the built-in int8 model stays on the CPU."""
    with Scorer.load(float16.bundle.folder) as scorer:
        assert (scorer.provider, scorer.threads) == ("CUDAExecutionProvider", 2)
    with Scorer.load() as scorer:
        assert scorer.provider == "CPUExecutionProvider"


def test_the_command_names_the_provider(float16: ExportReport, tmp_path: Path) -> None:
    """`score --device cuda` reports the CUDA provider, and `info` lists it."""
    command = Command(tmp_path)
    write_table(tmp_path / "r.csv")
    result = command("score", "r.csv", "--device", "cuda", "--model", float16.bundle.folder, "--json", "-q")
    assert (result.code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["provider"] == "CUDAExecutionProvider"
    assert json.loads(command("info", "--json").stdout)["providers"]["cuda"].startswith("yes")
