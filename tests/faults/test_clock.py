"""A clock that jumps back affects nothing but the times in messages and receipts."""

import shutil
import subprocess
from dataclasses import replace

import pytest
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace
from faults.trial import DONE, Trial
from faults.waiting import continue_stopped

pytestmark = [needs_strace, pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")]


class Clock:
    """A clock of its own for a trial, right until it is set; its `trial` is the given one with this clock."""

    def __init__(self, trial: Trial) -> None:
        self._offset = trial.folder.with_suffix(".clock")
        self.set("+0")
        preload = subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], stdout=subprocess.PIPE, check=True)
        settings = {
            "LD_PRELOAD": preload.stdout.decode().strip(),
            "FAKETIME_TIMESTAMP_FILE": self._offset,
            "FAKETIME_NO_CACHE": 1,
            # File times and timers do not follow this clock.
            "NO_FAKE_STAT": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }
        runner = ("env", *(f"{name}={value}" for name, value in settings.items()))
        self.trial = replace(trial, score=replace(trial.score, runner=runner))

    def set(self, offset: str) -> None:
        self._offset.write_text(offset)


def _require_journey(trial: Trial) -> None:
    """Check that the receipt says that the run ended before it began."""
    receipt = trial.receipt()
    assert receipt["finished"] < receipt["started"]


def test_clock_goes_back_before_the_resume(new_trial: NewTrial, calls: Calls) -> None:
    """A run that died is continued even if its earlier part lies in the future."""

    def attempt(trial: Trial, number: int) -> None:
        clock = Clock(trial)
        clock.set("+30d")
        assert clock.trial.run(*inject("fsync", "signal=KILL", number)).code < 0
        clock.set("-30d")
        kept = clock.trial.commits()
        clock.trial.require_recovery()
        if kept:
            _require_journey(trial)

    each(calls.numbers("fsync")[::3], lambda: new_trial("clock jumps back", b"old"), attempt)


def test_clock_goes_back_in_mid_run(new_trial: NewTrial, calls: Calls) -> None:
    """A run is not affected by a clock that goes back while it runs."""

    def attempt(trial: Trial, number: int) -> None:
        clock = Clock(trial)
        assert continue_stopped(clock.trial, "fsync", number, lambda _: clock.set("-30d")).code == DONE
        _require_journey(trial)
        clock.trial.require_recovery()

    each(calls.numbers("fsync", "/journal.jsonl>"), lambda: new_trial("clock jumps back"), attempt)
