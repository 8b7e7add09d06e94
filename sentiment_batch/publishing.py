"""Committed parts to the finished output, and their rejects beside it."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import chain, count, islice
from pathlib import Path

import pyarrow as pa

from sentiment_batch.durable import sync_folder, writing
from sentiment_batch.jobs import Job
from sentiment_batch.output import SUCCESS, publish, remove
from sentiment_batch.reader import Reader
from sentiment_batch.sinks import open_sink
from sentiment_batch.staging import Part, Staging

# Of a folder's files: about a million short rows each, a function of the input alone, as chunks are.
_CHUNKS_PER_FILE = 128


def publish_parts(staging: Staging, job: Job, reader: Reader, added: pa.Schema) -> None:
    """Put all parts into the output, and their rejects beside it; an older receipt is withdrawn before.

    `added` are the columns behind those that the reader keeps. Raises OSError.
    """
    finished, rejects = staging.file("output"), staging.file("rejects")
    with writing(rejects) as lines:

        def parts() -> Iterator[Part]:
            for part in staging.parts():
                lines.writelines(line.encode("utf-8") + b"\n" for line in part.rejects)
                yield part

        if job.output.is_folder:
            _write_folder(finished, parts(), job, reader, added)
        else:
            _write_file(finished, parts(), job, reader, added)
    job.output.withdraw()
    if rejects.stat().st_size:
        publish(rejects, job.output.rejects)
    else:
        remove(job.output.rejects)
    staging.publish(finished, job.output)


def _write_file(path: Path, parts: Iterable[Part], job: Job, reader: Reader, added: pa.Schema) -> None:
    with (
        writing(path) as raw,
        open_sink(raw, reader.output_type, reader.schema, added, guard_formulas=job.guard_formulas) as sink,
    ):
        for part in parts:
            sink.write(part.records, part.predictions, part.lines)


def _write_folder(folder: Path, parts: Iterator[Part], job: Job, reader: Reader, added: pa.Schema) -> None:
    """At least one file: where there are no rows it still says which columns there would be."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    first = list(islice(parts, 1))
    for number in count():
        _write_file(
            folder / f"part-{number:05d}{reader.output_type.suffix}",
            chain(first, islice(parts, _CHUNKS_PER_FILE - len(first))),
            job,
            reader,
            added,
        )
        first = list(islice(parts, 1))
        if not first:
            break
    with writing(folder / SUCCESS):
        pass
    sync_folder(folder)
