"""What tests of several stages share: models, a folder, and real data where available."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command
from hypothesis import settings
from tiny_graph import save_bundle, save_model

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device

# Every run uses the same examples, however slow the machine.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stand-in model that loads in no time."""
    folder = tmp_path_factory.mktemp("tiny_bundle")
    save_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that finds "good" very positive and "bad" very negative."""
    folder = tmp_path_factory.mktemp("model")
    save_bag_of_words(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_scorer(tiny_bundle: Path) -> Iterator[Scorer]:
    """The stand-in model on two threads, in batches small enough that a test fills several."""
    with Scorer.load(tiny_bundle, ScoringOptions(Device.CPU, threads=2, batch_tokens=64)) as scorer:
        yield scorer


@pytest.fixture(scope="session")
def default_model() -> Path:
    """The folder of the model that ships with the package."""
    return ModelBundle.load().folder


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of property tests, which run many times within one test."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """The stand-in model without a manifest, to be altered."""
    save_model(tmp_path)
    return tmp_path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The stand-in model with its manifest, to be altered."""
    save_bundle(tmp_path)
    return tmp_path


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`sentiment-batch`, run in the test's own folder."""
    return Command(tmp_path)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the project; skips where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data")
    return _SHARED_DATA
