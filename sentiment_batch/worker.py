"""The whole job: for each chunk of the input, score it and commit it; in the end, publish."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.fs as pafs

from sentiment_batch.durable import rename, replacing
from sentiment_batch.errors import BadDataError, CannotWriteError, ConfigurationError, UsageError
from sentiment_batch.hardware import peak_rss_bytes
from sentiment_batch.journal import Tally
from sentiment_batch.locations import REJECTS, STANDARD_STREAM, Location, first_line
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.reader import Reader, fingerprints
from sentiment_batch.receipt import rejects_path, withdraw, write_receipt
from sentiment_batch.scoring import Scorer, Scores
from sentiment_batch.sinks import open_sink, require_writable
from sentiment_batch.sources import Chunk, Reject, SourceOptions, without_rejects
from sentiment_batch.staging import Part, Staging, is_published, staged


@dataclass(frozen=True)
class Job:
    """Inputs, one after the other, to one output."""

    inputs: tuple[Location, ...]
    output: Location


@dataclass(frozen=True)
class Plan:
    """What a job would do, as far as can be told before the first row is scored; None where only reading tells."""

    inputs: list[str]
    output: str
    format: str | None
    text_column: str | None
    rows: int | None
    columns: list[str]


@dataclass
class Counts:
    """What has been done so far, over all jobs of a run; `resumed` are rows that an earlier process had done."""

    tally: Tally = field(default_factory=Tally)
    resumed: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def padding_ratio(self) -> float:
        """The share of all computed tokens that was padding."""
        computed = self.tally.tokens + self.tally.padding_tokens
        return self.tally.padding_tokens / computed if computed else 0.0


class Progress(Protocol):
    """Is told after each chunk how many more rows are done, and how many there are in all, as far as is known."""

    def update(self, rows: int, total: int | None) -> None: ...


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


def check_job(job: Job, options: SourceOptions, columns: PredictionColumns, *, force: bool) -> Plan:
    """Find out, without scoring, whether the job can start; raises the error that fits."""
    require_writable(job.output, force=force or (_is_staged(job) and is_published(Path(job.output.path))))
    inputs = [location.name for location in job.inputs]
    if any(location.is_standard_stream for location in job.inputs):  # it can be read only once
        return Plan(inputs, job.output.name, None, None, None, columns.schema.names)
    with closing(Reader(job.inputs, job.output, options, columns)) as reader:
        source = reader.source
        columns.require_no_clash(source.names)
        return Plan(
            inputs,
            job.output.name,
            reader.output_type.format.value,
            source.text_column,
            reader.total,
            [*source.names, *columns.schema.names],
        )


def run_job(
    job: Job,
    scorer: Scorer,
    options: SourceOptions,
    columns: PredictionColumns,
    counts: Counts,
    progress: Progress,
    *,
    restart: bool = False,
    max_reject_rate: float = 0.0,
) -> None:
    """Score the job's inputs into its output, which appears when everything is in it; adds to `counts`.

    A local output is made of committed parts: the same job continues where another process left it, unless `restart`
    throws away what that has done. Standard output and object stores get the rows as they come, and no rejects.

    Raises BadDataError if more than `max_reject_rate` of the records cannot be read, after everything is written.
    """
    # Before the inputs are opened: one that is replaced in between is then found to have changed.
    identity = _identity(job, scorer, options, columns)
    with closing(Reader(job.inputs, job.output, options, columns)) as reader:
        if not _is_staged(job):
            _stream(reader, job.output, scorer, columns, counts, progress)
            return
        target = Path(job.output.path)
        with _keeping(target, identity, restart=restart) as staging:
            _commit_chunks(reader, staging, scorer, columns, counts, progress)
            if fingerprints(job.inputs) != staging.run["inputs"]:
                raise BadDataError(f"{job.output.name}: an input changed while it was read: run the same command again")
            tally = sum((commit.tally for commit in staging.commits), Tally())
            _publish(staging, job.output, reader, columns.schema)
            if tally.rows_rejected > max_reject_rate * tally.rows_in:
                raise BadDataError(
                    f"{_first_reject(staging)}: {tally.rows_rejected:,} of {tally.rows_in:,} records cannot be read: "
                    f"see {job.output.name}{REJECTS}; {job.output.name} has the others"
                )
            facts = {"seconds": round(counts.seconds, 3), **_describe(scorer)}
            names = [*reader.source.names, *columns.schema.names]
            write_receipt(target, staging.run, staging.commits, names, facts, staging.file("receipt"))
            staging.remove()


def _is_staged(job: Job) -> bool:
    return job.output.is_local and not job.output.is_standard_stream


def _stream(
    reader: Reader, output: Location, scorer: Scorer, columns: PredictionColumns, counts: Counts, progress: Progress
) -> None:
    with open_sink(output, reader.output_type, reader.schema, columns.schema) as sink:
        chunks = without_rejects(reader.chunks())
        for chunk, scores in scorer.stream(chunks, lambda chunk: chunk.texts):
            sink.write(chunk.records, columns.batch(scores), chunk.lines)
            counts.tally += _tally(scores, chunk.rejects)
            progress.update(len(chunk), reader.total)


def _commit_chunks(
    reader: Reader, staging: Staging, scorer: Scorer, columns: PredictionColumns, counts: Counts, progress: Progress
) -> None:
    """Commit every chunk that is not yet, and make sure that those which are were read from the same records."""

    def unfinished() -> Iterator[tuple[int, str, Chunk]]:
        for place, chunk in enumerate(reader.chunks()):
            content = chunk.sha256()
            commit = staging.finished(place)
            if commit is None:
                yield place, content, chunk
            elif commit.content_sha256 != content:
                raise ConfigurationError(
                    f"{reader.source.name}: not what was read when the unfinished run began: start over with --restart"
                )
            else:
                counts.tally += commit.tally
                counts.resumed += commit.tally.rows_in
                progress.update(len(chunk), reader.total)

    for (place, content, chunk), scores in scorer.stream(unfinished(), lambda item: item[2].texts):
        tally = _tally(scores, chunk.rejects)
        rejects = [json.dumps(reject.record(), ensure_ascii=False) for reject in chunk.rejects]
        staging.commit(place, content, Part(chunk.records, columns.batch(scores), chunk.lines, rejects), tally)
        counts.tally += tally
        progress.update(len(chunk), reader.total)


def _first_reject(staging: Staging) -> str:
    record = json.loads(next(line for part in staging.parts() for line in part.rejects))
    return str(Reject(**{name: record[name] for name in record.keys() - {"raw", "raw_base64"}}, raw=b""))


def _publish(staging: Staging, output: Location, reader: Reader, added: pa.Schema) -> None:
    """Put all parts into the output, and their rejects beside it; an older receipt is withdrawn before."""
    target, finished, rejects = Path(output.path), staging.file("output"), staging.file("rejects")
    with (
        open_sink(
            Location(output.filesystem, str(finished), output.name), reader.output_type, reader.schema, added
        ) as sink,
        replacing(rejects, staging.file("rejects.partial")) as lines,
    ):
        for part in staging.parts():
            sink.write(part.records, part.predictions, part.lines)
            lines.writelines(line.encode("utf-8") + b"\n" for line in part.rejects)
    withdraw(target)
    if rejects.stat().st_size:
        rename(rejects, rejects_path(target))
    else:
        rejects_path(target).unlink(missing_ok=True)
    staging.publish(finished, target)


@contextmanager
def _keeping(target: Path, identity: dict[str, Any], *, restart: bool) -> Iterator[Staging]:
    """The job's staging folder. Whatever stops the run says how many rows are kept for the next."""
    staging = None
    try:
        with staged(target, identity, restart=restart) as staging:
            yield staging
    except (BadDataError, UsageError):
        raise
    except BaseException as error:
        failure = error
        if isinstance(error, OSError):
            failure = CannotWriteError(f"{target.name}: {first_line(error)}")
        rows = sum(commit.tally.rows_in for commit in staging.commits) if staging else 0
        if rows:
            failure.add_note(f"{rows:,} rows are kept: the same command again continues")
        raise failure from error


def _identity(job: Job, scorer: Scorer, options: SourceOptions, columns: PredictionColumns) -> dict[str, Any]:
    """Whatever changes the result, as JSON reads it back."""
    scoring = {"max_tokens": scorer.max_tokens, "long_text": scorer.long_text, "provider": scorer.provider}
    added = {"prefix": columns.prefix, "probabilities": columns.probabilities}
    identity = {
        "inputs": fingerprints(job.inputs),
        "model_sha256": scorer.bundle.sha256,
        "options": {**asdict(options), **scoring, **added},
        "versions": {name: version(name) for name in ("sentiment-batch", "onnxruntime", "tokenizers", "pyarrow")},
    }
    as_read: dict[str, Any] = json.loads(json.dumps(identity))
    return as_read


def _tally(scores: Scores, rejects: Sequence[Reject]) -> Tally:
    unscorable = sum(error is not None for error in scores.errors)
    scored = len(scores.errors) - unscorable
    return Tally(scored, unscorable, len(rejects), int(scores.n_tokens.sum()), scores.padding_tokens)


def summarize(scorer: Scorer, counts: Counts, jobs: Sequence[Job]) -> dict[str, Any]:
    """The run as one flat record. `output` is a list only if there are several."""
    outputs = [job.output.name for job in jobs]
    tally, seconds = counts.tally, counts.seconds
    return {
        "rows_in": tally.rows_in,
        "rows_scored": tally.rows_scored,
        "rows_unscorable": tally.rows_unscorable,
        "rows_rejected": tally.rows_rejected,
        "tokens": tally.tokens,
        "padding_ratio": counts.padding_ratio,
        "seconds": round(seconds, 3),
        "rows_per_second": round((tally.rows_in - counts.resumed) / seconds, 1),
        "peak_rss_bytes": peak_rss_bytes(),
        **_describe(scorer),
        "output": outputs[0] if len(outputs) == 1 else outputs,
    }


def _describe(scorer: Scorer) -> dict[str, Any]:
    return {
        "model": str(scorer.bundle.folder),
        "model_sha256": scorer.bundle.sha256,
        "device": scorer.device.value,
        "provider": scorer.provider,
        "threads": scorer.threads,
    }
