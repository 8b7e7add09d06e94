"""Several jobs, one after the other: all of them or none, or each for itself, as they arrive in a folder."""

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from sentiment_batch.errors import (
    BadDataError,
    InputOutputError,
    NoInputError,
    SentimentBatchError,
    UsageError,
    first_line,
)
from sentiment_batch.events import tell
from sentiment_batch.identity import fingerprints
from sentiment_batch.jobs import Job
from sentiment_batch.output import Output
from sentiment_batch.receipt import Receipt, find_receipt, read_receipt
from sentiment_batch.resuming import clear_traces, is_outdated, is_replacing
from sentiment_batch.summary import Progress
from sentiment_batch.worker import Plan, Worker


def new_jobs(
    jobs: Sequence[Job], model_sha256: str, settle_seconds: float, warn: Callable[[str], None]
) -> Iterator[Job]:
    """The jobs that no receipt speaks of, for these inputs and this model, and whose inputs nobody is writing.

    Each is looked at when it is its turn: meanwhile another run may have done it, or its input may have changed.

    A file that was changed within `settle_seconds` may still be written; `warn` is told of one that will be changed in
    the future, by its time. One that cannot be asked about is left to fail by itself.
    """
    for job in jobs:
        try:
            is_new = not _is_scored(job, model_sha256) and _is_settled(job, settle_seconds, warn)
        except InputOutputError:
            is_new = True
        if is_new:
            yield job


def left_to_do(jobs: Sequence[Job], worker: Worker) -> list[Job]:
    """Without those that an earlier process of this run had finished; all if it had finished all."""
    return [job for job in jobs if worker.force or not worker.is_done(job)] or list(jobs)


def run_all(jobs: Sequence[Job], worker: Worker, progress: Progress) -> None:
    """Make sure that every job can start before the first one does.

    Raises what the first one to fail raises; for bad data, when the others are done.
    """
    for job in jobs:
        _clear_traces(job)
        worker.check(job)
        if job.is_staged and not worker.force:
            _require_unmended(job.output, _latest_receipt(job.output))
    # The failure of a single one is told by whoever gets it.
    tolerated = (BadDataError,) if len(jobs) > 1 else ()
    _, failures = _one_by_one(jobs, lambda job: worker.run(job, progress), tolerated)
    if len(failures) > 1:
        failures[0].add_note(f"{len(failures) - 1} more of {len(jobs)} outputs failed too")
    if failures:
        raise failures[0]


def run_each(jobs: Iterable[Job], worker: Worker, progress: Progress) -> tuple[list[Job], list[SentimentBatchError]]:
    """Do one job after the other, also behind one that fails; returns those done, and what went wrong."""

    def run(job: Job) -> None:
        _clear_traces(job)
        own = _worker_of_each(job, worker)
        own.check(job)
        job.output.make_folder()
        own.run(job, progress)

    return _one_by_one(jobs, run, (SentimentBatchError,))


def _one_by_one(
    jobs: Iterable[Job], run: Callable[[Job], None], tolerated: tuple[type[SentimentBatchError], ...]
) -> tuple[list[Job], list[SentimentBatchError]]:
    """As `run_each`, where `run` does a job, and only behind a failure that is `tolerated`."""
    done, failures = [], []
    for job in jobs:
        try:
            run(job)
            done.append(job)
        except tolerated as error:
            failures.append(error)
            _tell_failure(job, error)
        except BaseException as error:
            for failure in failures:  # it would not be said otherwise
                error.add_note(f"before that, {failure}")
            raise
    return done, failures


def _tell_failure(job: Job, error: SentimentBatchError) -> None:
    """Tell of a failure behind which other jobs go on, and let go of the chunks that its frames hold in memory."""
    tell("failed", logging.ERROR, output=job.output.name, exit_code=error.exit_code, message=str(error))
    raised: BaseException | None = error
    while raised:
        traceback.clear_frames(raised.__traceback__)
        raised = raised.__context__


def check_each(job: Job, worker: Worker) -> Plan:
    """As Worker.check, for one of the outputs in a folder; see `run_each`."""
    return _worker_of_each(job, worker).check(job)


def _worker_of_each(job: Job, worker: Worker) -> Worker:
    """One that replaces what a run has left for the same input, and starts over where that has changed since."""
    inputs = fingerprints(job.inputs)
    receipt = None if worker.force else _latest_receipt(job.output)
    _require_unmended(job.output, receipt)
    # Not one of the same name in another folder.
    is_of_its_input = receipt and [each["name"] for each in inputs] == [each["name"] for each in receipt["inputs"]]
    return replace(
        worker,
        force=worker.force or bool(is_of_its_input) or is_replacing(job.output, inputs),
        restart=worker.restart or is_outdated(job.output, inputs),
    )


def _is_settled(job: Job, settle_seconds: float, warn: Callable[[str], None]) -> bool:
    """One that is gone since it was listed is not: what took its place may still be written."""
    until_ns = time.time_ns() - settle_seconds * 1e9
    times = [entry["modified_ns"] for entry in fingerprints(job.inputs)]
    for location, changed in zip(job.inputs, times, strict=True):
        if changed is not None and changed > time.time_ns():
            warn(f"{location.name} has a modification time in the future, and is not scored before it: touch it")
    return all(time is not None and time <= until_ns for time in times)


def _clear_traces(job: Job) -> None:
    if job.is_staged:
        clear_traces(job.output)


def _require_unmended(output: Output, receipt: Receipt | None) -> None:
    """Raise UsageError if records, by its latest receipt, were mended by hand that a new output would not have."""
    if receipt and receipt.get("retries") and output.files():
        raise UsageError(f"{output.name} holds records mended by hand, which would be lost: remove it to score it anew")
    try:
        edited = receipt and receipt["rejects"] and output.rejects.sha256() != receipt["rejects"]["sha256"]
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputOutputError(f"{output.rejects.name}: {first_line(error)}") from error
    if edited:
        raise UsageError(
            f"{output.rejects.name} has been edited: run `sentiment-batch retry-rejects {output.name}`, or remove it "
            "to score all anew"
        )


def _latest_receipt(output: Output) -> Receipt | None:
    """The receipt of an output, be it finished or with too many rejects; None if there is none that can be read."""
    for note in (output.receipt, output.incomplete):
        with suppress(BadDataError, NoInputError):
            return read_receipt(note)
    return None


def _is_scored(job: Job, model_sha256: str) -> bool:
    receipt = find_receipt(job.output)
    if receipt is None:
        return False
    same_output = job.output.location.size() == receipt["output"]["bytes"]
    return same_output and (receipt["inputs"], receipt["model_sha256"]) == (fingerprints(job.inputs), model_sha256)
