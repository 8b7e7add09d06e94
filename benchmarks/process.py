"""Run commands in processes of their own, and measure their time and memory.

On Linux, a process inherits the peak memory of its parent, even across `exec`: the peak reported for a child is never
below the parent's own. So the process that calls `run` must stay small, and work that needs much memory goes through
`in_subprocess`.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

ROOT = Path(__file__).resolve().parent.parent

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class BenchmarkError(click.ClickException):
    """A measurement cannot be made; the message says why."""


@dataclass(frozen=True)
class Finished:
    """A finished process.

    `seconds`: wall time from before its start to its end. `cpu_seconds`: CPU time of all its threads together.
    """

    stdout: str
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int

    def json(self) -> dict[str, Any]:
        """The last line of stdout, a JSON object."""
        return dict(json.loads(self.stdout.splitlines()[-1]))


def run(command: Sequence[str | Path], cores: int | None = None) -> Finished:
    """Run a command to its end on `cores` of the usable cores (None: all); raises BenchmarkError if it fails."""
    usable = os.sched_getaffinity(0)
    chosen = sorted(usable)[:cores]
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        started = time.perf_counter()
        # A process inherits the CPU affinity of the thread that starts it.
        os.sched_setaffinity(0, chosen)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=ROOT)
        finally:
            os.sched_setaffinity(0, usable)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # the measured process would keep running
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        if process.returncode != 0:
            words = " ".join(map(str, command))
            raise BenchmarkError(f"{words}\nended with exit code {process.returncode}:\n{stderr.read()[-4000:]}")
        return Finished(stdout.read(), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def module(name: str, *arguments: str | Path) -> list[str | Path]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", name, *arguments]


def sentiment_batch(*arguments: str | Path) -> list[str | Path]:
    """Return the command as installed beside this interpreter; raises BenchmarkError if it is not."""
    script = Path(sysconfig.get_path("scripts"), "sentiment-batch")
    if not script.is_file():
        raise BenchmarkError(f"{script} is not there: pip install -e '.[bench]'")
    return [script, *arguments]


def in_subprocess(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Call a function in a new process, so that its imports and its memory do not stay in this one.

    Whatever it prints is lost; whatever it raises is raised here.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_silence) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except KeyboardInterrupt:  # the pool would wait for the function to return
            for process in multiprocessing.active_children():
                process.kill()
            raise


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def report_progress(message: str) -> None:
    """Report progress on stderr."""
    click.echo(message, err=True)
