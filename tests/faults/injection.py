"""Faults at system calls: at each one that a run makes in its folder, by number."""

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
    """Return a command prefix: the program's main thread meets the fault at its `when`th call; "5+": 5 and later."""
    return ("strace", "-qq", "-f", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}")


def stop_after_two_chunks(trial: Trial, calls: "Calls") -> None:
    """Kill a run before the last of its three chunks is committed."""
    [*_, third, _] = calls.numbers("write", "/journal.jsonl>")
    assert trial.run(*inject("write", "signal=KILL", third)).code < 0
    assert [commit["chunk"] for commit in trial.commits()] == [0, 1]


class Calls:
    """The system calls that a run made on its main thread, as logged by `TRACE`."""

    TRACE = ("strace", "-qq", "-f", "-y", "-s", "0", "-o")

    @classmethod
    def of(cls, trial: Trial) -> "Calls":
        """Return the calls of a trial that is left alone."""
        log = trial.folder.with_suffix(".calls")
        done = trial.run(*cls.TRACE, str(log))
        assert done.code == DONE, done
        return cls(log, trial.folder)

    def __init__(self, log: Path, folder: Path) -> None:
        lines = log.read_text("utf-8", "backslashreplace").splitlines()
        thread = lines[0].split()[0]
        # Every path is also shown relative to the working folder, which is the trial's.
        own = (line.partition(" ")[2].strip() for line in lines if line.split()[0] == thread)
        self._calls = [re.sub(r"AT_FDCWD<[^>]*>", "", call) for call in own]
        self._folder = str(folder)

    def numbers(self, call: str, *words: str) -> list[int]:
        """Return which calls of that name, counted from 1, contain any of the words or, without words, the folder."""
        wanted = words or (self._folder,)
        calls = [line for line in self._calls if re.match(rf"{call}\(", line)]
        return [number for number, line in enumerate(calls, 1) if any(word in line for word in wanted)]


def spread(count: int) -> list[int]:
    """Return numbers from 1 to `count`, evenly spread: all of them, or about a dozen."""
    return list(range(1, count + 1, -(-count // 12)))


def each(numbers: list[int], new_trial: Callable[[], T], attempt: Callable[[T, int], None]) -> None:
    """Run one trial per number, as many at a time as there are cores; raise what the first one to fail raises."""
    assert numbers, "no such call is made"

    def trials() -> Iterator[T]:
        return (new_trial() for _ in numbers)

    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(attempt, trials(), numbers))
