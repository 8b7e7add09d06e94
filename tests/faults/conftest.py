"""Runs to disturb, what an undisturbed run leaves behind, and the table of counts."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
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
def undisturbed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[str, bytes]:
    """What an undisturbed run leaves behind."""
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
    """For runs that are not counted through a Trial."""
    return request.config.stash[_LEDGER]


@pytest.fixture
def new_trial(tmp_path: Path, model: Path, undisturbed: dict[str, bytes], ledger: Ledger) -> NewTrial:
    """Makes runs to disturb, each in its own folder: with the name of the fault, over an old output or none."""
    numbers = itertools.count()

    def new(fault: str, old: bytes | None = None, input: Input = CSV) -> Trial:
        score = Command(tmp_path / f"trial-{next(numbers)}", ("score", "--model", str(model)))
        return Trial(score, fault, ledger, undisturbed, old, input).prepare()

    return new
