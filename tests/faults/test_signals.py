"""SIGTERM, Ctrl-C and --deadline: at every step of a commit, while the model loads, and twice."""

import ctypes
import os
import signal
import socket
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from cli.process import Result, error_line
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace
from faults.trial import ARGUMENTS, DONE, INPUT, JOURNAL, Trial
from faults.waiting import wait_until

STOPS = {"TERM": ("stopped by SIGTERM", 143), "INT": ("stopped by Ctrl-C", 130), "ALRM": ("stopped by --deadline", 75)}
FROM_STDIN = ("-", *ARGUMENTS)


def _heed_interrupts() -> None:
    """Restore SIGINT, which the child of a background job would ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@needs_strace
@pytest.mark.parametrize(("name", "every"), [("TERM", 2), ("INT", 4), ("ALRM", 4)])
def test_stopped_at_a_step(new_trial: NewTrial, calls: Calls, name: str, every: int) -> None:
    """Stopped at an fsync, a run says how many rows it keeps and leaves no lock; the same command completes it."""
    reason, code = STOPS[name]

    def attempt(trial: Trial, number: int) -> None:
        result = trial.run(*inject("fsync", f"signal={name}", number), before=_heed_interrupts)
        assert result.code == code
        message = error_line(result)
        assert message.startswith(f"{reason} before the end; ")
        trial.require_honest(message)
        assert not (trial.folder / ".r.scored.csv.lock").exists()
        trial.require_recovery()

    each(calls.numbers("fsync")[::every], lambda: new_trial(f"SIG{name}", b"old"), attempt)


@needs_strace
def test_stopped_while_the_model_loads(new_trial: NewTrial, calls: Calls) -> None:
    """A run stopped before the first row is read has written nothing."""
    trial = new_trial("SIGTERM")
    before = trial.score.contents()
    number = calls.numbers("openat", "/model.onnx")[-1]
    result = trial.run(*inject("openat", "signal=TERM", number))
    assert (result.code, error_line(result)) == (
        143,
        "stopped by SIGTERM before the end; unfinished output is not kept",
    )
    assert trial.score.contents() == before


def test_signal_that_another_thread_takes(new_trial: NewTrial) -> None:
    """A run waiting for a silent pipe is stopped even if the signal interrupts no system call of its main thread."""
    trial = new_trial("SIGTERM")
    with trial.score.start(*FROM_STDIN) as process:
        assert process.stdin
        process.stdin.write(b"text\ngood\n")
        process.stdin.flush()
        wait_until((trial.folder / JOURNAL).exists, process)
        threads = {int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()} - {process.pid}
        assert ctypes.CDLL(None).tgkill(process.pid, max(threads), signal.SIGTERM) == 0
        try:
            assert process.wait(60) == 143
        finally:
            process.kill()


def test_stopped_while_a_store_is_silent(new_trial: NewTrial) -> None:
    """A run is stopped within a call to a library that would wait for minutes, and says so."""
    trial = new_trial("SIGTERM")
    with socket.create_server(("127.0.0.1", 0)) as store:
        access = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with trial.score.start("s3://bucket/r.csv", "-o", "r.scored.csv", environment=access) as process:
            assert process.stderr
            store.accept()[0].close()  # from then on, nothing is accepted
            process.send_signal(signal.SIGTERM)
            try:
                result = Result(process.wait(60), "", process.stderr.read().decode())
            finally:
                process.kill()
    assert result.code == 143
    assert error_line(result).startswith("stopped by SIGTERM before the end, within a call that does not return")


def test_second_signal(new_trial: NewTrial) -> None:
    """A second signal ends a run at once, even if it cannot report the first; not one that it was started to ignore."""
    trial = new_trial("SIGTERM")
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"\0" * 65536)
    os.set_blocking(writing, True)
    ignoring = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    with trial.score.start(*FROM_STDIN, stderr=writing, before=ignoring) as process:
        assert process.stdin
        process.stdin.write(b"text\ngood\n")
        process.stdin.flush()
        lock = trial.folder / ".r.scored.csv.lock"
        wait_until((trial.folder / JOURNAL).exists, process)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not lock.exists(), process)
        status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
        ignored = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn:"))
        # A second signal that comes at once is taken for an echo of the first.
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        assert process.returncode == 143
    assert ignored & 1 << signal.SIGINT - 1
    os.close(reading)
    os.close(writing)
    trial.require_recovery()


def test_deadline(new_trial: NewTrial) -> None:
    """A run out of time exits with 75; the same command, with the same stream, continues from what was kept.

    It need not have been started with the timer's signal heeded.
    """

    def ignore_the_timer() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})

    trial = new_trial("--deadline")
    with trial.score.start(*FROM_STDIN, "--deadline", "00:00:05", before=ignore_the_timer) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(INPUT.encode())
        process.stdin.flush()  # the stream does not end: there may be more
        result = Result(process.wait(60), "", process.stderr.read().decode())
    assert result.code == 75
    assert error_line(result).startswith("stopped by --deadline before the end")
    kept = trial.commits()
    again = trial.score(*FROM_STDIN, stdin=INPUT.encode())
    assert again.code == DONE
    assert [part["sha256"] for part in trial.receipt()["parts"]][: len(kept)] == [part["part_sha256"] for part in kept]
    assert (trial.folder / "r.scored.csv").read_bytes() == trial.undisturbed["r.scored.csv"]
