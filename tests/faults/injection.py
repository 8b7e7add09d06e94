"""Faults at system calls: every one that a run makes in its folder, by its number."""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import TypeVar

import pytest
from faults.trial import DONE, Trial

T = TypeVar("T")

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def inject(call: str, fault: str, when: int | str, log: str = "/dev/null") -> tuple[str, ...]:
    """What to start a program by, so that its `when`th call on its main thread meets the fault; "5+" and all later."""
    return ("strace", "-qq", "-f", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}")


def stop_after_two_chunks(trial: Trial, calls: "Calls") -> None:
    """Kill a run before the last of its three chunks is committed."""
    [*_, third, _] = calls.numbers("write", "/journal.jsonl>")
    assert trial.run(*inject("write", "signal=KILL", third)).code < 0
    assert [commit["chunk"] for commit in trial.commits()] == [0, 1]


class Calls:
    """The system calls that a run has made on its main thread, as `TRACE` has logged them."""

    TRACE = ("strace", "-qq", "-f", "-y", "-s", "0", "-o")

    @classmethod
    def of(cls, trial: Trial) -> "Calls":
        """Those of a trial that is left alone."""
        log = trial.folder.with_suffix(".calls")
        done = trial.run(*cls.TRACE, str(log))
        assert done.code == DONE, done
        return cls(log, trial.folder)

    def __init__(self, log: Path, folder: Path) -> None:
        lines = log.read_text("utf-8", "backslashreplace").splitlines()
        thread = lines[0].split()[0]
        # Every path is also shown to be relative to the working folder, which is the trial's.
        own = (line.partition(" ")[2].strip() for line in lines if line.split()[0] == thread)
        self._calls = [re.sub(r"AT_FDCWD<[^>]*>", "", call) for call in own]
        self._folder = str(folder)

    def numbers(self, call: str, *words: str) -> list[int]:
        """Which of the calls of that name have to do with the folder, counted from 1, or with one of the words."""
        wanted = words or (self._folder,)
        calls = [line for line in self._calls if re.match(rf"{call}\(", line)]
        return [number for number, line in enumerate(calls, 1) if any(word in line for word in wanted)]


def spread(count: int) -> list[int]:
    """Numbers from 1 to `count`, evenly spread: all, or about a dozen."""
    return list(range(1, count + 1, -(-count // 12)))


def each(numbers: list[int], new_trial: Callable[[], T], attempt: Callable[[T, int], None]) -> None:
    """One trial for each number, as many at a time as there are cores; raises what the first one to fail raises."""
    assert numbers, "no such call is made"

    def trials() -> Iterator[T]:
        return (new_trial() for _ in numbers)

    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(attempt, trials(), numbers))
