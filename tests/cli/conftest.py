"""The command, ready to run on a stand-in model."""

from pathlib import Path

import pytest
from cli.process import Command


@pytest.fixture
def score(tmp_path: Path, model: Path) -> Command:
    """`sentiment-batch score` with the stand-in model, run in the test's own folder."""
    return Command(tmp_path, ("score", "--model", str(model)))
