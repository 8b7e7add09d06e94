"""The whole job: for each chunk of the input, score it and commit it; in the end, publish."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from sentiment_batch.bundle import sha256_of
from sentiment_batch.durable import rename, replacing
from sentiment_batch.errors import BadDataError, CannotWriteError, ConfigurationError, UsageError
from sentiment_batch.jobs import Job
from sentiment_batch.journal import Tally
from sentiment_batch.locations import REJECTS, Location, first_line
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.reader import Reader, fingerprints
from sentiment_batch.receipt import has_receipt, read_receipt, rejects_path, withdraw, write_receipt
from sentiment_batch.scoring import Scorer, Scores
from sentiment_batch.sinks import Sink, open_sink, require_writable
from sentiment_batch.sources import Chunk, Reject, SourceOptions, without_rejects
from sentiment_batch.staging import Part, Staging, is_published, staged
from sentiment_batch.summary import Counts, describe


@dataclass(frozen=True)
class Plan:
    """What a job would do, as far as can be told before the first row is scored; None where only reading tells."""

    inputs: list[str]
    output: str
    format: str | None
    text_column: str | None
    rows: int | None
    columns: list[str]


class Progress(Protocol):
    """Is told after each chunk how many more rows are done, and how many there are in all, as far as is known."""

    def update(self, rows: int, total: int | None) -> None: ...


def check_job(job: Job, options: SourceOptions, columns: PredictionColumns, *, force: bool) -> Plan:
    """Find out, without scoring, whether the job can start; raises the error that fits."""
    require_writable(job.output, force=force or (job.is_staged and is_published(Path(job.output.path))))
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


def is_done(job: Job, scorer: Scorer, options: SourceOptions, columns: PredictionColumns) -> bool:
    """Whether the output is there already, complete, of the same inputs, model and options."""
    target = Path(job.output.path)
    if not job.is_staged or not has_receipt(target):
        return False
    receipt = read_receipt(target)
    identity = _identity(job, scorer, options, columns)
    same = all(receipt.get(name) == value for name, value in identity.items())
    return same and target.is_file() and sha256_of(target) == receipt["output"]["sha256"]


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
        if not job.is_staged:
            _stream(reader, job, scorer, columns, counts, progress)
            return
        target = Path(job.output.path)
        # A part and an output are each about as large as the input that they hold; compressed, they are smaller.
        expected = sum(entry.get("bytes") or 0 for entry in identity["inputs"]) if options.columns is None else 0
        with _keeping(target, identity, restart=restart, expected_bytes=expected) as staging:
            _commit_chunks(reader, staging, scorer, columns, counts, progress)
            if fingerprints(job.inputs) != staging.run["inputs"]:
                raise BadDataError(f"{job.output.name}: an input changed while it was read: run the same command again")
            tally = sum((commit.tally for commit in staging.commits), Tally())
            _publish(staging, job, reader, columns.schema)
            if tally.rows_rejected > max_reject_rate * tally.rows_in:
                raise BadDataError(
                    f"{_first_reject(staging)}: {tally.rows_rejected:,} of {tally.rows_in:,} records cannot be read: "
                    f"see {job.output.name}{REJECTS}; {job.output.name} has the others"
                )
            facts = {"seconds": round(counts.seconds, 3), **describe(scorer)}
            names = [*reader.source.names, *columns.schema.names]
            write_receipt(target, staging.run, staging.commits, names, facts, staging.file("receipt"))
            staging.remove()


def _stream(
    reader: Reader, job: Job, scorer: Scorer, columns: PredictionColumns, counts: Counts, progress: Progress
) -> None:
    with _open_sink(job, job.output, reader, columns.schema) as sink:
        chunks = without_rejects(reader.chunks())
        for chunk, scores in scorer.stream(chunks, lambda chunk: chunk.texts):
            sink.write(chunk.records, columns.batch(scores), chunk.lines)
            counts.tally += _tally(scores, chunk.rejects)
            progress.update(len(chunk), reader.total)


def _commit_chunks(
    reader: Reader, staging: Staging, scorer: Scorer, columns: PredictionColumns, counts: Counts, progress: Progress
) -> None:
    """Commit every chunk that is not yet, and make sure that those which are were read from the same records."""

    before = counts.tally.rows_in
    changed = ConfigurationError(
        f"{reader.source.name}: not what was read when the unfinished run began: start over with --restart"
    )

    def unfinished() -> Iterator[tuple[int, str, Chunk]]:
        for place, chunk in enumerate(reader.chunks()):
            content = chunk.sha256()
            commit = staging.finished(place)
            if commit is None:
                yield place, content, chunk
            elif commit.content_sha256 != content:
                raise changed
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
    if sum(commit.tally.rows_in for commit in staging.commits) != counts.tally.rows_in - before:
        raise changed


def _first_reject(staging: Staging) -> str:
    record = json.loads(next(line for part in staging.parts() for line in part.rejects))
    return str(Reject(**{name: record[name] for name in record.keys() - {"raw", "raw_base64"}}, raw=b""))


def _publish(staging: Staging, job: Job, reader: Reader, added: pa.Schema) -> None:
    """Put all parts into the output, and their rejects beside it; an older receipt is withdrawn before."""
    target, finished, rejects = Path(job.output.path), staging.file("output"), staging.file("rejects")
    with (
        # Under the output's own name, for messages.
        _open_sink(job, replace(job.output, path=str(finished)), reader, added) as sink,
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


def _open_sink(job: Job, target: Location, reader: Reader, added: pa.Schema) -> AbstractContextManager[Sink]:
    return open_sink(target, reader.output_type, reader.schema, added, guard_formulas=job.guard_formulas)


@contextmanager
def _keeping(target: Path, identity: dict[str, Any], *, restart: bool, expected_bytes: int) -> Iterator[Staging]:
    """The job's staging folder. Whatever stops the run says how many rows are kept for the next."""
    staging = None
    try:
        with staged(target, identity, restart=restart, expected_bytes=expected_bytes) as staging:
            yield staging
    except (BadDataError, UsageError, ConfigurationError):
        raise
    except OSError as error:
        failure = CannotWriteError(f"{target.name}: {first_line(error)}")
        _say_what_is_kept(failure, staging)
        raise failure from error
    except BaseException as error:
        _say_what_is_kept(error, staging)
        raise


def _say_what_is_kept(error: BaseException, staging: Staging | None) -> None:
    rows = sum(commit.tally.rows_in for commit in staging.commits) if staging else 0
    if rows:
        error.add_note(f"{rows:,} rows are kept: the same command again continues")


def _identity(job: Job, scorer: Scorer, options: SourceOptions, columns: PredictionColumns) -> dict[str, Any]:
    """Whatever changes the result, as JSON reads it back."""
    scoring = {"max_tokens": scorer.max_tokens, "long_text": scorer.long_text, "provider": scorer.provider}
    added = {
        "prefix": columns.prefix,
        "probabilities": columns.probabilities,
        "guard_formulas": job.guard_formulas,
    }
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
