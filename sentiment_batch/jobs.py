"""Which inputs go to which output."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.fs as pafs

from sentiment_batch.errors import UsageError
from sentiment_batch.locations import STANDARD_STREAM, Location


@dataclass(frozen=True)
class Job:
    """Inputs, one after the other, to one output.

    `guard_formulas`: no field of a CSV or TSV output is to be taken for a formula; see sinks.DelimitedSink.
    """

    inputs: tuple[Location, ...]
    output: Location
    guard_formulas: bool = False

    @property
    def is_staged(self) -> bool:
        """Whether the output is made of committed parts; standard output and object stores get rows as they come."""
        return self.output.is_local and not self.output.is_standard_stream


def plan_jobs(inputs: Sequence[Location], output: Location | None) -> list[Job]:
    """Which inputs go to which output.

    Without an output each input gets one beside it (standard input: standard output). A folder takes one file per
    input, of the same name; a file takes all inputs, in order. Raises UsageError if outputs would collide.
    """
    if output is None:
        jobs = [Job((location,), location if location.is_standard_stream else location.scored()) for location in inputs]
    elif output.name.endswith("/") or (not output.is_standard_stream and output.kind() == pafs.FileType.Directory):
        if any(location.is_standard_stream for location in inputs):
            raise UsageError("rows from stdin have no file name: name a file with -o")
        jobs = [Job((location,), output.child(location.file_name)) for location in inputs]
    else:
        jobs = [Job(tuple(inputs), output)]
    paths = [job.output.real_path() for job in jobs]
    read = {location.real_path() for location in inputs} - {STANDARD_STREAM}
    for path, job in zip(paths, jobs, strict=True):
        if paths.count(path) > 1 or path in read:
            raise UsageError(f"{job.output.name} would be written twice, or over an input: choose another output")
    return jobs
