"""Several jobs, one after the other: all of them or none, or each for itself, as they arrive in a folder."""

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sentiment_batch.earlier import Earlier
from sentiment_batch.errors import BadDataError, InputOutputError, SentimentBatchError
from sentiment_batch.events import tell
from sentiment_batch.identity import fingerprints
from sentiment_batch.jobs import Job
from sentiment_batch.receipt import Receipt, find_receipt
from sentiment_batch.resuming import clear_traces
from sentiment_batch.summary import Progress
from sentiment_batch.worker import Plan, Worker


@dataclass(frozen=True)
class Together:
    """Jobs, all checked before the first one starts; those that an earlier process finished are only counted."""

    jobs: Sequence[Job]
    worker: Worker

    def check(self) -> list[Plan]:
        """What the jobs that are left would do; raises the error of the first that cannot start."""
        done = self._done_before()
        return [self.worker.check(job) for job in self.jobs if job.output.name not in done]

    def run(self, progress: Progress) -> tuple[list[Job], list[SentimentBatchError]]:
        """Do the jobs; returns all of them, and no failure.

        Raises what the first one to fail raises; for bad data, when the others are done.
        """
        for job in self.jobs:
            if job.is_staged:
                clear_traces(job.output)
        done = self._done_before()
        for job in self.jobs:
            if job.output.name not in done:
                self.worker.check(job)

        def run(job: Job) -> None:
            if receipt := done.get(job.output.name):
                Earlier(job.output).clear_finished()
                self.worker.recount(job, receipt, progress)
            else:
                self.worker.run(job, progress)

        # The failure of a single one is told by whoever gets it.
        tolerated = (BadDataError,) if len(self.jobs) > 1 else ()
        _, failures = _one_by_one(self.jobs, run, tolerated)
        if len(failures) > 1:
            failures[0].add_note(f"{len(failures) - 1} more of {len(self.jobs)} outputs failed too")
        if failures:
            raise failures[0]
        return list(self.jobs), []

    def _done_before(self) -> dict[str, Receipt]:
        """The receipts of those that are done, by their outputs; none if all are, for then they are refused."""
        if self.worker.force or len(self.jobs) == 1:
            return {}
        found = {job.output.name: receipt for job in self.jobs if (receipt := self.worker.receipt_of_same(job))}
        return found if len(found) < len(self.jobs) else {}


@dataclass(frozen=True)
class Arriving:
    """Jobs each for itself: those whose outputs are not up to date, and whose inputs are settled.

    A file that was changed within `settle_seconds` may still be written; `warn` is told of one whose time of the last
    change is in the future. A job whose files cannot be asked about is left to fail by itself.
    """

    jobs: Sequence[Job]
    worker: Worker
    settle_seconds: float
    warn: Callable[[str], None]

    def check(self) -> list[Plan]:
        """What the new jobs would do; raises the error of the first that cannot start."""
        return [self.worker.check(job) for job in self.jobs if self._is_new(job)]

    def run(self, progress: Progress) -> tuple[list[Job], list[SentimentBatchError]]:
        """Do one new job after the other, also behind one that fails; returns those done, and what went wrong."""

        def run(job: Job) -> None:
            clear_traces(job.output)
            self.worker.check(job)
            job.output.make_folder()
            self.worker.run(job, progress)

        return _one_by_one(self.new(), run, (SentimentBatchError,))

    def new(self) -> Iterator[Job]:
        """Each is looked at when it is its turn: meanwhile another run may have done it, or its input have changed."""
        for job in self.jobs:
            if self._is_new(job):
                yield job
            else:
                Earlier(job.output).clear_finished()

    def _is_new(self, job: Job) -> bool:
        try:
            return self.worker.force or (not self._is_up_to_date(job) and self._is_settled(job))
        except (InputOutputError, OSError):
            return True

    def _is_up_to_date(self, job: Job) -> bool:
        """Whether its output was made of these inputs with this model, by whatever options: by size, not by hash."""
        receipt = find_receipt(job.output.receipt)
        files = job.output.files()
        if receipt is None or not files:
            return False
        same_output = sum(file.size() for file in files) == receipt["output"]["bytes"]
        made_of = receipt["inputs"], receipt["model_sha256"]
        return same_output and made_of == (fingerprints(job.inputs), self.worker.scorer.bundle.sha256)

    def _is_settled(self, job: Job) -> bool:
        """One that is gone since it was listed is not: what took its place may still be written."""
        until_ns = time.time_ns() - self.settle_seconds * 1e9
        times = {location.name: location.info().mtime_ns for location in job.inputs}
        # To put a file into a data set changes its folder, whatever the time of the file.
        folders = {file.parent().name: file.parent() for file in job.inputs} if job.output.is_folder else {}
        times |= {name: changed for name, folder in folders.items() if (changed := folder.info().mtime_ns) is not None}
        for name, changed in times.items():
            if changed is not None and changed > time.time_ns():
                self.warn(f"{name} has a modification time in the future, and is not scored before it: touch it")
        return all(changed is not None and changed <= until_ns for changed in times.values())


def _one_by_one(
    jobs: Iterable[Job], run: Callable[[Job], None], tolerated: tuple[type[SentimentBatchError], ...]
) -> tuple[list[Job], list[SentimentBatchError]]:
    """Do one job after the other, also behind failures that are `tolerated`; returns those done, and the failures."""
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
