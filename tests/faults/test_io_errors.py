"""System calls that fail: a clean error, nothing torn, finished work kept, and the same command completes the run."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace
from faults.trial import DONE, OUTPUT, RECEIPT, Trial

pytestmark = needs_strace

ONCE = [
    ("fsync", "EIO"),
    ("write", "ENOSPC"),
    ("rename", "EIO"),
    ("rename", "EXDEV"),
    ("close", "EIO"),
    ("unlink", "EROFS"),
    ("mkdir", "ENOSPC"),
    ("flock", "EIO"),
]
FOR_GOOD = [("fsync", "EIO"), ("rename", "EROFS")]


@pytest.mark.parametrize(("call", "error"), ONCE)
def test_fails_once(new_trial: NewTrial, calls: Calls, call: str, error: str) -> None:
    """A failed call is never taken for a successful one: the run fails, or it had nothing left to do."""
    words = ["/.r.scored.csv.staging/"] if call == "close" else []
    each(calls.numbers(call, *words), lambda: new_trial(f"{error} once", b"old"), _attempt(call, error, ""))


@pytest.mark.parametrize(("call", "error"), FOR_GOOD)
def test_fails_from_then_on(new_trial: NewTrial, calls: Calls, call: str, error: str) -> None:
    """A call that fails from then on, as on a disk that stays broken or full, is handled the same way."""
    each(calls.numbers(call), lambda: new_trial(f"{error} from then on", b"old"), _attempt(call, error, "+"))


@pytest.mark.parametrize(("call", "error", "path"), [("fsync", "EINVAL", "."), ("chmod,fchmodat", "EPERM", None)])
def test_what_a_file_system_does_not_have(new_trial: NewTrial, call: str, error: str, path: str | None) -> None:
    """A shared folder that cannot be synced, or whose files have an owner and permissions of its own, will do."""
    trial = new_trial("none")
    fault = inject(call, f"error={error}", "1+")
    assert trial.run(*fault, *(("-P", path) if path else ())).code == DONE
    trial.require_done()


def test_fsync_is_not_tried_again(new_trial: NewTrial, calls: Calls) -> None:
    """After a failed fsync of a part, nothing but the journal is synced or renamed: the kernel dropped the data."""
    trial = new_trial("EIO once")
    number = calls.numbers("fsync", ".partial>")[2]
    log = trial.folder.with_suffix(".log")
    runner = ("strace", "-qq", "-f", "-y", "-o", str(log), "-e", "trace=fsync,rename", "-e")
    trial.require_failure(trial.run(*runner, f"inject=fsync:error=EIO:when={number}"))
    lines = log.read_text().splitlines()
    [failed] = [number for number, line in enumerate(lines) if "INJECTED" in line]
    # Only the note that the run has stopped is synced after it.
    assert all("fsync" in line and "/journal.jsonl>" in line for line in lines[failed + 1 :])
    trial.require_recovery()


def test_nothing_counts_before_it_is_synced(new_trial: NewTrial) -> None:
    """What is written is synced before anything gets its name, and a name before the journal speaks of it."""
    trial = new_trial("none")
    log = trial.folder.with_suffix(".log")
    done = trial.run("strace", "-qq", "-f", "-y", "-s", "0", "-o", str(log), "-e", "trace=write,fsync,rename")
    assert done.code == DONE
    written, renamed, renames = set(), set(), 0
    for line in log.read_text("utf-8").splitlines():
        call = line.split()[1].partition("(")[0]
        path, *targets = re.findall(r"/[^\">]*", line)
        if not path.startswith(str(trial.folder)):
            continue
        if call == "write":
            assert not renamed
            written.add(path)
        elif call == "fsync":
            written.discard(path)
            renamed.discard(path)
        elif not targets[0].endswith(".removed"):  # of what is not needed any more
            assert not written
            renamed.add(str(Path(targets[0]).parent))
            renames += 1
    assert renames == 7  # of a journal, three parts, the output, its rejects and its receipt
    assert not written | renamed


def test_short_writes(new_trial: NewTrial, calls: Calls) -> None:
    """A file system that reports bytes as written that never arrived is found out, wherever it does so."""

    def attempt(trial: Trial, number: int) -> None:
        trial.require_failure(trial.run(*inject("write", "retval=10", number)))
        trial.require_recovery()

    each(calls.numbers("write"), lambda: new_trial("short write"), attempt)


def _attempt(call: str, error: str, after: str) -> Callable[[Trial, int], None]:
    def attempt(trial: Trial, number: int) -> None:
        result = trial.run(*inject(call, f"error={error}", f"{number}{after}"))
        if result.code == DONE:
            assert (trial.folder / RECEIPT).exists()
            assert (trial.folder / OUTPUT).read_bytes() == trial.undisturbed[OUTPUT]
        else:
            message = trial.require_failure(result)
            assert OUTPUT in message, message
            trial.require_honest(message)
        trial.require_recovery()

    return attempt
