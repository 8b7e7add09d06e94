"""Which inputs go to which output, and that nothing is written over anything else."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sentiment_batch.errors import InputOutputError, NoInputError, UsageError
from sentiment_batch.formats import FileType, is_known
from sentiment_batch.inputs import Input, expand_inputs, first_problem
from sentiment_batch.locations import SCORED, STANDARD_STREAM, Location
from sentiment_batch.lock import lock_path
from sentiment_batch.output import Output
from sentiment_batch.staging import removed_folder, staging_folder


@dataclass(frozen=True)
class Job:
    """Inputs, one after the other, to one output; `problem`: why that cannot be done, empty if it can."""

    inputs: tuple[Location, ...]
    output: Output
    problem: str = ""

    @property
    def is_staged(self) -> bool:
        """Whether the output is made of committed parts; standard output gets rows as they come."""
        return not self.output.location.is_standard_stream


def plan_jobs(inputs: Sequence[Input], output: Location | None, *, each: bool) -> list[Job]:
    """Which inputs go to which output.

    Without an output each input gets one beside it (standard input: standard output). A file or folder takes all
    inputs, in order; with `each` a folder takes an output for each of them, of the same name. The output of a data set
    by itself is a folder too. Raises UsageError if outputs would collide, an input is named twice, or an output's
    suffix is of no known format.
    """
    jobs = _pair(inputs, output, each)
    read = _files_of(inputs)
    files = [_identity(location) for location in read]
    times = Counter(files)
    for location, file in zip(read, files, strict=True):
        if times[file] > 1:
            raise UsageError(f"{location.name} is named more than once: its rows would be repeated")
    for job in jobs:
        if job.is_staged and not job.output.is_folder:
            FileType.of(job.output.location.file_name)
    require_apart([place for job in jobs for place in places_of(job.output)], read)
    return jobs


def require_notes_apart(
    notes: Sequence[Location], inputs: Sequence[str], output: str | None, earlier: str | None, *, each: bool
) -> None:
    """Raise UsageError if notes on a run, such as its metrics, would be written over what it reads or writes.

    `earlier` is a receipt that it reads. A run that fails is noted too: this is to be asked before it begins. What
    cannot be found is left out, for the run will complain of it. Raises UsageError for names that do not fit, too, and
    CannotWriteError for what can never be a file of notes.
    """
    not_found = suppress(NoInputError, InputOutputError)
    found: list[Input] = []
    for name in inputs:
        with not_found:
            found += expand_inputs([name], inbox=each)
    taken = _files_of(found)
    with not_found:
        jobs = _pair(found, None if output is None else Location.parse(output), each)
        taken += [place for job in jobs for place in (*places_of(job.output), *_unfinished_places_of(job.output))]
    with not_found:
        taken += [Location.parse(earlier)] if earlier else []
    require_apart(notes, taken)
    for note in notes:
        if note.is_standard_stream:
            raise UsageError("-: metrics and events go to a file: name one")
        Output(note).require_writable(force=True)


def require_apart(written: Sequence[Location], read: Sequence[Location]) -> None:
    """Raise UsageError if a file or folder that is written is another one of them, holds one, or lies in one.

    Links are followed: what counts is the file behind them.
    """
    paths = [_place(location) for location in written]
    places = Counter([*paths, *({_place(location) for location in read} - {STANDARD_STREAM})])
    holding = {parent for path in places for parent in _parents(path)}
    for location, path in zip(written, paths, strict=True):
        if places[path] > 1 or path in holding or not places.keys().isdisjoint(_parents(path)):
            raise UsageError(f"{location.name} would be written twice, or over an input: choose another output")


def places_of(output: Output) -> list[Location]:
    """The output, and what stands beside it when it is finished."""
    if output.location.is_standard_stream:
        return [output.location]
    return [output.location, output.receipt, output.incomplete, output.rejects]


def _unfinished_places_of(output: Output) -> list[Location]:
    """What stands beside the output until it is finished."""
    if output.location.is_standard_stream or not output.location.is_local:
        return []
    folder = staging_folder(output)
    return [Location.parse(str(path)) for path in (folder, removed_folder(folder), lock_path(output.base))]


def _pair(inputs: Sequence[Input], output: Location | None, each: bool) -> list[Job]:
    if each:
        if output is None or not Output.at(output).is_folder:
            raise UsageError("name a folder for the outputs with -o")
        names = (output.child(found.location.file_name) for found in inputs)
        return [
            Job(found.files, Output(name, found.is_folder, in_new_folder=True), found.problem)
            for found, name in zip(inputs, names, strict=True)
        ]
    if output is None:
        return [Job(found.files, Output(_beside(found), found.is_folder), found.problem) for found in inputs]
    return [Job(tuple(_files_of(inputs)), Output.at(output), first_problem(inputs))]


def _files_of(inputs: Sequence[Input]) -> list[Location]:
    return [location for found in inputs for location in found.files]


def _beside(found: Input) -> Location:
    location = found.location
    if location.is_standard_stream:
        return location
    return location.beside(SCORED) if found.is_folder and not is_known(location.file_name) else location.scored()


def _place(location: Location) -> str:
    return location.real_path().rstrip("/")


def _identity(location: Location) -> object:
    """What two names of the same file have in common, also where they are hard links."""
    if location.is_local and not location.is_standard_stream:
        with suppress(OSError):
            found = Path(location.path).stat()
            return found.st_dev, found.st_ino
    return _place(location)


def _parents(path: str) -> set[str]:
    return {str(parent) for parent in PurePosixPath(path).parents}
