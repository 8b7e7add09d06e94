"""Committed parts assembled to the finished output, with their rejects beside it."""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path

from sentiment_batch.durable import writing
from sentiment_batch.earlier import Earlier
from sentiment_batch.locations import SUCCESS, Location
from sentiment_batch.output import Output
from sentiment_batch.parts import Part
from sentiment_batch.publishing import publish
from sentiment_batch.sinks import Layout, open_sink
from sentiment_batch.sources import Reject, require_all
from sentiment_batch.staging import Staging

# Of a folder's files: about a million short rows each, a function of the input alone, as chunks are.
_CHUNKS_PER_FILE = 128


def publish_parts(staging: Staging, output: Output, layout: Layout) -> None:
    """Put all parts into the output, and their rejects beside it; an older receipt is withdrawn before.

    Raises OSError.
    """
    finished = _cleared(staging.file("output"))
    rejects_before = output.rejects_sha256()
    with _writing_rejects(staging) as parts:
        if output.is_folder:
            _write_folder(finished, parts, layout)
        else:
            _write_file(finished, parts, layout)
    staging.record_output(rejects_before)
    output.withdraw()
    publish_rejects(staging, output)
    publish(finished, output.location)


def append_parts(staging: Staging, output: Output, layout: Layout) -> None:
    """Write the output with all parts behind its rows, and their rejects, into the staging folder; raises OSError."""
    finished = _cleared(staging.file("output"))
    with _writing_rejects(staging) as parts:
        if output.is_folder:
            finished.mkdir(mode=0o700)
            names = [file.file_name for file in output.files() if file.file_name != SUCCESS]
            for name in names:
                _fetch(output.location.child(name), finished / name)
            _write_file(finished / _part_name(len(names), layout), parts, layout)
            _complete(finished)
        else:
            before = staging.file("before")
            _fetch(output.location, before)
            _write_file(finished, parts, layout, after=before)


def publish_rejects(staging: Staging, output: Output) -> None:
    """Put the rejects beside the output, if there are any; nothing if that has been done.

    Raises OSError, and ConfigurationError if those there have been edited meanwhile.
    """
    rejects = staging.file("rejects")
    if not rejects.exists():
        return
    Earlier(output).require_unedited()
    if rejects.stat().st_size:
        publish(rejects, output.rejects)
    else:
        output.rejects.remove()


def first_reject(staging: Staging) -> Reject:
    """That of a run that has some."""
    return Reject.of(json.loads(next(line for part in staging.parts() for line in part.rejects)))


@contextmanager
def _writing_rejects(staging: Staging) -> Iterator[Iterator[Part]]:
    """All parts, each of which must be taken; their rejects are written to the staging folder as they go by."""
    count = 0
    with writing(staging.file("rejects")) as lines:

        def parts() -> Iterator[Part]:
            nonlocal count
            for part in staging.parts():
                lines.writelines(line.encode("utf-8") + b"\n" for line in part.rejects)
                count += len(part.predictions) + len(part.rejects)
                yield part

        yield parts()
        require_all(count, staging.tally.rows_in)


def _write_file(path: Path, parts: Iterable[Part], layout: Layout, after: Path | None = None) -> None:
    with writing(path) as raw, open_sink(raw, layout, after) as sink:
        for part in parts:
            sink.write(part.records, part.predictions, part.lines)


def _write_folder(folder: Path, parts: Iterator[Part], layout: Layout) -> None:
    """At least one file: where there are no rows it still says which columns there would be."""
    folder.mkdir(mode=0o700)
    first = list(islice(parts, 1))
    for number in count():
        rest = islice(parts, _CHUNKS_PER_FILE - len(first))
        _write_file(folder / _part_name(number, layout), chain(first, rest), layout)
        first = list(islice(parts, 1))
        if not first:
            break
    _complete(folder)


def _part_name(number: int, layout: Layout) -> str:
    return f"part-{number:05d}{layout.file_type.suffix}"


def _cleared(path: Path) -> Path:
    """Without what an earlier attempt left there, which may have been of a folder where this one is of a file."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path


def _complete(folder: Path) -> None:
    with writing(folder / SUCCESS):
        pass


def _fetch(location: Location, path: Path) -> None:
    with location.open() as source, writing(path) as target:
        shutil.copyfileobj(source, target)
