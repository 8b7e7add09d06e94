"""Runs to disturb, what becomes of one that is left alone, and the table of what was counted."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command
from faults.injection import Calls
from faults.ledger import Ledger
from faults.trial import CSV, DONE, Input, Trial

_LEDGER = pytest.StashKey[Ledger]()

NewTrial = Callable[..., Trial]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGER] = Ledger()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash[_LEDGER].table()
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that loads in no time."""
    folder = tmp_path_factory.mktemp("model")
    save_bag_of_words(folder)
    return folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[str, bytes]:
    """What a run leaves behind that nothing happens to."""
    score = Command(tmp_path_factory.mktemp("undisturbed"), ("score", "--model", str(model)))
    trial = Trial(score, "none", Ledger(), {}).prepare()
    assert trial.run().code == DONE
    return trial.outcome()


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory, model: Path, undisturbed: dict[str, bytes]) -> Calls:
    """The system calls of such a run."""
    score = Command(tmp_path_factory.mktemp("calls"), ("score", "--model", str(model)))
    return Calls.of(Trial(score, "none", Ledger(), undisturbed, b"old").prepare())


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """For runs that are counted in another way than a Trial's."""
    return request.config.stash[_LEDGER]


@pytest.fixture
def new_trial(tmp_path: Path, model: Path, undisturbed: dict[str, bytes], ledger: Ledger) -> NewTrial:
    """Makes a run to disturb, in a folder of its own: of the fault's name, over an old output or none."""
    numbers = itertools.count()

    def new(fault: str, old: bytes | None = None, input: Input = CSV) -> Trial:
        score = Command(tmp_path / f"trial-{next(numbers)}", ("score", "--model", str(model)))
        return Trial(score, fault, ledger, undisturbed, old, input).prepare()

    return new
