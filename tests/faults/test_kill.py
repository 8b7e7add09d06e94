"""kill -9 at every step: before each system call that a run makes in its folder, and at any time."""

import pytest
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace
from faults.trial import Trial

STEPS = ["openat", "flock", "write", "fsync", "rename", "truncate", "mkdir", "unlink", "unlinkat", "rmdir"]


@needs_strace
@pytest.mark.parametrize("old", [None, b"old"], ids=["first", "replaced"])
@pytest.mark.parametrize("call", STEPS)
def test_killed_before_every_step(new_trial: NewTrial, calls: Calls, call: str, old: bytes | None) -> None:
    """Wherever a run dies, the same command completes it; what was there before is old or complete, never torn."""

    def attempt(trial: Trial, number: int) -> None:
        assert trial.run(*inject(call, "signal=KILL", number)).code < 0
        trial.require_recovery()

    each(calls.numbers(call), lambda: new_trial(f"kill -9 before {call}", old), attempt)
