"""kill -9 at every step: before each system call that a run makes in its folder, during recovery, and at any time."""

import random
import subprocess
import time

import pytest
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace, stop_after_two_chunks
from faults.trial import ARGUMENTS, DONE, Trial

STEPS = ["flock", "write", "fsync", "rename", "mkdir", "unlink", "unlinkat", "rmdir"]
REPLACING = ["rename", "unlink", "unlinkat", "rmdir"]
RANDOM_KILLS = 200
SEED = 20


@needs_strace
@pytest.mark.parametrize(("call", "old"), [(call, None) for call in STEPS] + [(call, b"old") for call in REPLACING])
def test_killed_before_every_step(new_trial: NewTrial, calls: Calls, call: str, old: bytes | None) -> None:
    """Wherever a run dies, the same command completes it; the output is the old one or complete, never torn."""

    def attempt(trial: Trial, number: int) -> None:
        assert trial.run(*inject(call, "signal=KILL", number)).code < 0
        trial.require_recovery()

    each(calls.numbers(call), lambda: new_trial("kill -9 at a step", old), attempt)


@needs_strace
@pytest.mark.parametrize("call", ["rename", "rmdir"])
@pytest.mark.parametrize("inputs", [("r.csv",), ("r.csv", "-o", "scored/", "--new-only", "--settle", "0")])
def test_killed_when_only_tidying_up_is_left(
    new_trial: NewTrial, calls: Calls, inputs: tuple[str, ...], call: str
) -> None:
    """Whoever takes the output for done, for there is more to do, or with --new-only, tidies up behind it."""
    trial = new_trial("kill -9 at a step")
    options = (*inputs, *ARGUMENTS[2:])
    assert trial.started_by(*inject(call, "signal=KILL", calls.numbers(call)[-1]))(*options).code < 0
    assert _hidden(trial)
    (trial.folder / "s.csv").write_text("text\ngood\n")
    assert trial.score("s.csv", *options).code in {0, DONE}
    assert _hidden(trial) == []


def _hidden(trial: Trial) -> list[str]:
    return [path.name for path in trial.folder.rglob(".*")]


@needs_strace
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_killed_again_and_again(new_trial: NewTrial, calls: Calls, call: str) -> None:
    """A run that dies in every recovery, each time at a later step, is completed in the end."""
    trial = new_trial("kill -9 in recovery", b"old")
    for number in calls.numbers(call):
        if trial.run(*inject(call, "signal=KILL", number)).code == DONE:
            break
    trial.require_recovery()


@needs_strace
def test_finished_chunks_are_not_scored_again(new_trial: NewTrial, calls: Calls) -> None:
    """After a run died before its third and last commit, the next run writes only the third part."""
    trial = new_trial("kill -9 at a step")
    stop_after_two_chunks(trial, calls)
    log = trial.folder.with_suffix(".log")
    assert trial.run("strace", "-qq", "-f", "-o", str(log), "-e", "trace=rename").code == DONE
    parts = [line for line in log.read_text().splitlines() if ".arrow" in line]
    assert len(parts) == 1
    assert "part-00002.arrow" in parts[0]
    trial.require_done()


def test_killed_at_any_time(new_trial: NewTrial) -> None:
    """A run killed at a random time, from the start of the process to its end, is completed by the same command."""
    whole = new_trial("kill -9 at any time")
    start = time.monotonic()
    assert whole.run().code == DONE
    duration = round(1000 * (time.monotonic() - start))
    times = random.Random(SEED)

    def attempt(trial: Trial, milliseconds: int) -> None:
        with trial.score.start(*trial.arguments) as process:
            try:
                process.wait(milliseconds / 1000)
            except subprocess.TimeoutExpired:
                process.kill()
        trial.require_recovery()

    each([times.randrange(duration) for _ in range(RANDOM_KILLS)], lambda: new_trial("kill -9 at any time"), attempt)
