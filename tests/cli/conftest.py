"""A stand-in model that loads in no time, and the command ready to run on it."""

from pathlib import Path

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle to which "good" is very positive and "bad" very negative."""
    folder = tmp_path_factory.mktemp("model")
    save_bag_of_words(folder)
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`sentiment-batch`, run in the test's own folder."""
    return Command(tmp_path)


@pytest.fixture
def score(tmp_path: Path, model: Path) -> Command:
    """`sentiment-batch score` with the stand-in model, run in the test's own folder."""
    return Command(tmp_path, ("score", "--model", str(model)))
