"""Waiting for a process to do something, without guessing how long it takes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.process import Command, Result
from faults.injection import inject
from faults.trial import Trial

_PATIENCE = 60  # seconds, for a machine that is busy with other things too
_SPINNING = 10  # seconds of processor time, more than any run here needs


def wait_until(condition: Callable[[], object], process: "subprocess.Popen[bytes]") -> None:
    """Return as soon as the condition holds; fail if the process ends first."""
    give_up = time.monotonic() + _PATIENCE
    while not condition():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < give_up
        time.sleep(0.005)


def continue_stopped(trial: Trial, call: str, number: int, meanwhile: Callable[[int], None]) -> Result:
    """Stop the trial's run by SIGSTOP at a system call, do something to the process, and let it run to its end."""
    log = trial.folder.with_suffix(".log")
    traced = trial.started_by(*inject(call, "signal=STOP", number, str(log)))
    return continue_traced(traced, trial.arguments, log, meanwhile)


def continue_traced(traced: Command, arguments: Sequence[str], log: Path, meanwhile: Callable[[int], None]) -> Result:
    """Do something to the process when strace, which writes to `log`, has stopped it, and let it run to its end.

    A run that computes endlessly is killed; one that waits endlessly is a failure.
    """
    log.touch()
    with traced.start(*arguments) as tracer:
        try:
            wait_until(lambda: "stopped by SIGSTOP" in log.read_text("utf-8", "replace"), tracer)
        except AssertionError:
            tracer.kill()  # otherwise leaving the block would wait for it
            raise
        run = int(log.read_text("utf-8", "replace").split()[0])
        try:
            meanwhile(run)
        finally:
            os.kill(run, signal.SIGCONT)
        try:
            _, stderr = tracer.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            computed = _processor_seconds(run)
            os.kill(run, signal.SIGKILL)  # otherwise leaving the block would wait for it
            if computed < _SPINNING:
                raise
            _, stderr = tracer.communicate()
    return Result(tracer.returncode, "", stderr.decode("utf-8"))


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
