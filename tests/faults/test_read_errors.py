"""A failing read is never taken for the end of the input."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from cli.process import Result, error_line
from faults.conftest import NewTrial
from faults.injection import each, needs_strace, spread
from faults.inputs import INPUTS
from faults.trial import DONE, Input, Trial

pytestmark = needs_strace


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: file.name)
def test_read_fails(new_trial: NewTrial, file: Input) -> None:
    """Whichever read of the input fails, the run fails and says so; the same command again completes it."""
    whole = new_trial("EIO on reading", input=file)
    done, reads = _trace_reads(whole)
    assert done.code == DONE, done
    undisturbed = whole.outcome()

    def attempt(trial: Trial, number: int) -> None:
        result, reads = _trace_reads(trial, "-e", f"inject=read,pread64:error=EIO:when={number}")
        assert any("INJECTED" in read for read in reads)
        message = error_line(result)
        assert result.code == 74
        assert re.match(rf"{file.name}.*Input/output error", message), message
        trial.require_honest(message)
        trial.require_recovery()

    # Reads are counted on each thread separately.
    count = max(Counter(read.split()[0] for read in reads).values())
    each(spread(count), lambda: replace(new_trial("EIO on reading", input=file), undisturbed=undisturbed), attempt)


def _trace_reads(trial: Trial, *words: str) -> tuple[Result, list[str]]:
    """Run the trial; return its result and the calls by which it read its input."""
    log = trial.folder.with_suffix(".log")
    path = str(trial.folder / trial.input.name)
    tracer = ("strace", "-qqq", "-f", "-o", str(log), "-P", path, "-e", "trace=read,pread64")
    one_thread = {"OMP_NUM_THREADS": "1"}  # besides the main one, to read the columns of Parquet
    result = trial.run(*tracer, *words, environment=one_thread)
    return result, log.read_text("utf-8", "replace").splitlines()
