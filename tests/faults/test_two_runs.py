"""Two runs that want the same output."""

from collections.abc import Callable

from cli.process import Command, Result, error_line
from faults.conftest import NewTrial
from faults.injection import Calls, inject, needs_strace
from faults.trial import ARGUMENTS, DONE, OUTPUT, Trial
from faults.waiting import continue_stopped, continue_traced

pytestmark = needs_strace


def test_second_run(new_trial: NewTrial, calls: Calls) -> None:
    """The second of two runs changes nothing, says since when the first has been running, and exits with 75."""
    trial = new_trial("a second run")

    def run_again(_: int) -> None:
        before = trial.score.contents()
        second = trial.run()
        assert trial.score.contents() == before
        since = trial.journal()[0]["started"]
        assert second.code == 75
        expected = f"r.scored.csv: another run has been writing it since {since}: try again when it is done"
        assert error_line(second) == expected

    number = calls.numbers("write", "/journal.jsonl>")[1]
    assert continue_stopped(trial, "write", number, run_again).code == DONE
    trial.require_done()


def test_verify_meanwhile(new_trial: NewTrial) -> None:
    """An output that is replaced while it is verified is not said to be bad, but to be verified again."""
    trial = new_trial("a second run")
    assert trial.run().code == DONE

    def score_again(_: int) -> None:
        (trial.folder / trial.input.name).write_bytes(trial.input.content + b"more,good\n")
        assert trial.score(trial.input.name, *ARGUMENTS, "--force").code == DONE

    result = verify_stopped_at(trial, OUTPUT, OUTPUT, score_again)
    assert (result.code, error_line(result)) == (
        75,
        f"{OUTPUT} was replaced while it was read: run the same command again",
    )


def test_verify_between_two_folders(new_trial: NewTrial) -> None:
    """Where the old folder is gone, and the new one not there yet, no part of it is said to be missing."""
    trial = new_trial("a second run")
    assert trial.score(trial.input.name, *ARGUMENTS, "-o", "out/").code == DONE

    def replace(_: int) -> None:
        (trial.folder / "out.receipt.json").unlink()
        (trial.folder / "out").rename(trial.folder / "replaced")

    result = verify_stopped_at(trial, "out/", "out/_SUCCESS", replace)
    assert (result.code, error_line(result)) == (75, "out/ was replaced while it was read: run the same command again")


def verify_stopped_at(trial: Trial, output: str, opened: str, meanwhile: Callable[[int], None]) -> Result:
    log = trial.folder.with_suffix(".log")
    opening = ("-P", str(trial.folder / opened), "-e", "trace=openat", "-e", "inject=openat:signal=STOP:when=1")
    traced = Command(trial.folder, ("verify",), ("strace", "-qq", "-f", "-o", str(log), *opening))
    return continue_traced(traced, [output], log, meanwhile)


def test_lock_of_a_killed_run(new_trial: NewTrial, calls: Calls) -> None:
    """The lock that a killed run leaves behind blocks nobody."""
    trial = new_trial("a second run")
    assert trial.run(*inject("write", "signal=KILL", calls.numbers("write", "/journal.jsonl>")[1])).code < 0
    assert (trial.folder / ".r.scored.csv.lock").exists()
    trial.require_recovery()
