"""Too little memory: killed for it, refused it, or not allowed what it takes to begin."""

import itertools
import re
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, Result, error_line
from faults.cgroup import memory_limit, needs_memory_limit
from faults.conftest import NewTrial
from faults.injection import Calls, each, needs_strace, spread, stop_after_two_chunks
from faults.inputs import LINES, parquet
from faults.trial import DONE, INPUT, ROWS, Input, Trial
from faults.waiting import continue_stopped

ENOUGH = 2_775_000_000  # bytes of address space for one thread, as the program reckons
LAST_CHUNK_TOO_LARGE = 150_000_000  # bytes of memory: enough for all chunks but the last


def _address_space(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _squeeze(process: int, more: int) -> None:
    """Limit a process to `more` bytes of address space beyond what it has."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    size = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmSize:"))
    resource.prlimit(process, resource.RLIMIT_AS, (size + more, size + more))


@needs_memory_limit
def test_killed_for_memory(new_trial: NewTrial) -> None:
    """A run that the kernel kills for its memory is completed by the same command; what was committed is kept."""
    before, comma, _ = INPUT.rpartition(",")
    long = Input("r.csv", f"{before}{comma}{'good ' * 1_700_000}\n".encode())  # the last row is a chunk of its own
    whole = new_trial("killed for memory", input=long)
    assert whole.run().code == DONE
    undisturbed = whole.outcome()

    def attempt(trial: Trial, size: int) -> None:
        with memory_limit(size) as enter:
            assert trial.run(before=enter).code == -signal.SIGKILL
        assert size < LAST_CHUNK_TOO_LARGE or trial.commits()
        trial.require_recovery()

    sizes = [20_000_000, 40_000_000, 60_000_000, LAST_CHUNK_TOO_LARGE]
    each(sizes, lambda: replace(new_trial("killed for memory", input=long), undisturbed=undisturbed), attempt)


@pytest.mark.parametrize("size", [50_000_000, 300_000_000, 600_000_000, 1_500_000_000, ENOUGH - 1])
def test_address_space_too_small(new_trial: NewTrial, size: int) -> None:
    """A process that may not address what the libraries need says so at once, and writes nothing."""
    trial = new_trial("address space too small")
    before = trial.score.contents()
    result = trial.run(before=_address_space(size))
    assert result.code == 78
    assert error_line(result).startswith(f"the address space is limited to {size / 1e6:,.0f} MB, --threads 1 needs ")
    assert trial.score.contents() == before
    trial.require_recovery()


def test_address_space_large_enough(new_trial: NewTrial) -> None:
    """With the address space that it asks for, a run completes."""
    trial = new_trial("address space too small")
    assert trial.run(before=_address_space(ENOUGH)).code == DONE
    trial.require_recovery()


@needs_strace
@pytest.mark.parametrize("more", [0, 2**20, 2**24])
def test_allocation_fails(new_trial: NewTrial, calls: Calls, more: int) -> None:
    """A run that gets hardly any memory from some step on fails with one line, manages without, or dies."""

    def attempt(trial: Trial, number: int) -> None:
        result = continue_stopped(trial, "fsync", number, lambda run: _squeeze(run, more))
        # At the very limit, some libraries end the process, and the interpreter prints its own messages; or it tries
        # forever to raise the error, for which it has no memory either, until it is killed.
        if result.code >= 0 and result.code != DONE:
            assert result.code == 1
            message = result.stderr.rstrip("\n")
            assert re.search("Error: (not enough memory|unexpected )", message)
            trial.require_honest(message)
        trial.require_recovery()

    each(calls.numbers("fsync")[::2], lambda: new_trial("allocation fails", b"old"), attempt)


@needs_strace
def test_no_memory_to_read_on(new_trial: NewTrial, calls: Calls) -> None:
    """A run without memory for what it reads does not blame the input; finished work is kept."""
    # Each of the last rows is a chunk of its own; all of them are read at once.
    file = parquet(LINES[:-4], [f"{ROWS - left},{'x' * 12_000_000}" for left in (4, 3, 2, 1)])
    whole = new_trial("allocation fails", input=file)
    assert whole.run().code == DONE
    trial = replace(new_trial("allocation fails", input=file), undisturbed=whole.outcome())
    # Arrow's own allocator keeps much in reserve.
    tight = replace(trial, score=replace(trial.score, runner=("env", "ARROW_DEFAULT_MEMORY_POOL=system")))
    number, *_ = calls.numbers("fsync", "/journal.jsonl>")
    result = continue_stopped(tight, "fsync", number, lambda run: _squeeze(run, 0))
    assert result.code == 1
    message = error_line(result)
    assert message.startswith("not enough memory")
    trial.require_honest(message)
    trial.require_recovery()


@needs_strace
def test_no_more_threads(new_trial: NewTrial, calls: Calls) -> None:
    """A run that cannot start a thread, whichever it is, does not blame the input; finished work is kept."""

    def new() -> Trial:
        trial = replace(new_trial("no more threads", input=file), undisturbed=undisturbed)
        stop_after_two_chunks(trial, calls)
        return trial

    def run_without(trial: Trial, *words: str) -> tuple[Result, int]:
        log = trial.folder.with_suffix(".log")
        result = trial.run("strace", "-qq", "-f", "-o", str(log), "-e", "trace=clone,clone3", *words)
        return result, len(re.findall("^[0-9]+ +clone", log.read_text(), re.MULTILINE))

    def attempt(trial: Trial, number: int) -> None:
        kept = trial.commits()
        result, _ = run_without(trial, "-e", f"inject=clone,clone3:error=EAGAIN:when={number}+")
        if result.code != DONE:
            assert result.code != 65
            assert trial.commits()[: len(kept)] == kept
        trial.require_recovery()

    file = parquet(LINES)
    whole = new_trial("no more threads", input=file)
    result, threads = run_without(whole)
    assert result.code == DONE
    undisturbed = whole.outcome()
    each(spread(threads), new, attempt)


def test_batch_too_large(tmp_path: Path) -> None:
    """A batch too large for memory is run in halves, with the same result."""
    save_bag_of_words(tmp_path, copies=200_000)
    texts = itertools.islice(itertools.product(("a", "good", "bad"), repeat=6), 600)
    (tmp_path / "r.csv").write_text("text\n" + "".join(f"{' '.join(words)}\n" for words in texts))
    score = Command(tmp_path, ("score", "r.csv", "--model", ".", "-q", "--threads", "1"))
    assert score("-o", "small.csv").code == 0
    # Room for half of the batch and more: the allocator keeps what it took for the whole.
    result = score("-o", "large.csv", "--batch-tokens", "10000", before=_address_space(ENOUGH + 1_000_000_000))
    assert (result.code, result.stderr) == (0, "")
    assert (tmp_path / "large.csv").read_bytes() == (tmp_path / "small.csv").read_bytes()
