"""Which inputs go to which output."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_batch.errors import UsageError
from sentiment_batch.formats import FileType
from sentiment_batch.locations import STANDARD_STREAM, Location
from sentiment_batch.output import Output


@dataclass(frozen=True)
class Job:
    """Inputs, one after the other, to one output."""

    inputs: tuple[Location, ...]
    output: Output

    @property
    def is_staged(self) -> bool:
        """Whether the output is made of committed parts; standard output gets rows as they come."""
        return not self.output.location.is_standard_stream


def plan_jobs(inputs: Sequence[Location], output: Location | None, *, each: bool) -> list[Job]:
    """Which inputs go to which output.

    Without an output each input gets one beside it (standard input: standard output). A file or folder takes all
    inputs, in order; with `each` a folder takes a file for each of them, of the same name. Raises UsageError if outputs
    would collide, an input is named twice, or an output's suffix is of no known format.
    """
    if each:
        if output is None or not Output.at(output).is_folder:
            raise UsageError("name a folder for the outputs with -o")
        jobs = [Job((location,), Output(output.child(location.file_name), in_new_folder=True)) for location in inputs]
    elif output is None:
        jobs = [
            Job((location,), Output(location if location.is_standard_stream else location.scored()))
            for location in inputs
        ]
    else:
        jobs = [Job(tuple(inputs), Output.at(output))]
    read = Counter(location.real_path() for location in inputs)
    for location in inputs:
        if read[location.real_path()] > 1:
            raise UsageError(f"{location.name} is named more than once: its rows would be there as often")
    for job in jobs:
        name = job.output.location.file_name
        if not job.output.is_folder and "." in name and not job.output.location.is_standard_stream:
            FileType.of(name)
    del read[STANDARD_STREAM]
    paths = [job.output.location.real_path() for job in jobs]
    written = Counter(paths)
    for path, job in zip(paths, jobs, strict=True):
        inside = job.output.is_folder and any(name.startswith(f"{path.rstrip('/')}/") for name in read)
        if written[path] > 1 or path in read or inside:
            raise UsageError(f"{job.output.name} would be written twice, or over an input: choose another output")
    return jobs
