"""The whole job: for each chunk of the input, score it, and write it with its predictions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pyarrow.fs as pafs

from sentiment_batch.errors import SentimentBatchError, UsageError
from sentiment_batch.formats import Compression, FileType, Format, is_known
from sentiment_batch.hardware import peak_rss_bytes
from sentiment_batch.locations import STANDARD_STREAM, Location
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.scoring import Scorer, Scores
from sentiment_batch.sinks import open_sink, require_writable
from sentiment_batch.sources import Chunk, Source, SourceOptions, open_source, without_rejects


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
    """What has been done so far, over all jobs of a run. Every row read is scored or unscorable in the end."""

    rows_in: int = 0
    rows_scored: int = 0
    rows_unscorable: int = 0
    tokens: int = 0
    padding_tokens: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, scores: Scores) -> None:
        unscorable = sum(error is not None for error in scores.errors)
        self.rows_unscorable += unscorable
        self.rows_scored += len(scores.errors) - unscorable
        self.tokens += int(scores.n_tokens.sum())
        self.padding_tokens += scores.padding_tokens

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def padding_ratio(self) -> float:
        """The share of all computed tokens that was padding."""
        computed = self.tokens + self.padding_tokens
        return self.padding_tokens / computed if computed else 0.0


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
    require_writable(job.output, force=force)
    inputs = [location.name for location in job.inputs]
    if any(location.is_standard_stream for location in job.inputs):  # it can be read only once
        return Plan(inputs, job.output.name, None, None, None, columns.schema.names)
    with closing(_Reader(job, options, columns)) as reader:
        source = reader.source
        columns.require_no_clash(source.names)
        return Plan(
            inputs,
            job.output.name,
            _output_type(job.output, source).format.value,
            source.text_column,
            reader.total,
            [*source.names, *columns.schema.names],
        )


def run_job(
    job: Job, scorer: Scorer, options: SourceOptions, columns: PredictionColumns, counts: Counts, progress: Progress
) -> None:
    """Score the job's inputs into its output, which appears when everything is in it; adds to `counts`."""
    with closing(_Reader(job, options, columns)) as reader:
        output_type = _output_type(job.output, reader.source)
        with open_sink(job.output, output_type, reader.schema, columns.schema) as sink:
            written = 0
            for chunk, scores in scorer.stream(reader.chunks(), lambda chunk: chunk.texts):
                sink.write(chunk.records, columns.batch(scores), chunk.lines)
                written += len(chunk)
                counts.add(scores)
                progress.update(len(chunk), reader.total)
            if written != reader.rows:
                raise SentimentBatchError(f"{job.output.name}: read {reader.rows} rows, scored {written}")
    counts.rows_in += reader.rows


class _Reader:
    """The inputs of a job as one run of chunks with one schema.

    `rows` have been handed out so far; `total` is how many there will be, as far as is known.
    """

    def __init__(self, job: Job, options: SourceOptions, columns: PredictionColumns) -> None:
        verbatim = options.columns is None and _suffix_type(job.output) in (None, Format.JSONL)
        self._options = replace(options, verbatim=verbatim)
        self._inputs = job.inputs
        self._columns = columns
        self.source = open_source(job.inputs[0], self._options)
        self.schema = self.source.schema
        self.rows = 0

    @property
    def total(self) -> int | None:
        if len(self._inputs) > 1:
            return None
        fraction = self.source.fraction_read()
        estimate = round(self.rows / fraction) if self.rows and fraction else None
        return self.source.rows if self.source.rows is not None else estimate

    def chunks(self) -> Iterator[Chunk]:
        for position, location in enumerate(self._inputs):
            if position:
                self.source.close()
                self.source = open_source(location, self._options)
                self._require_same_schema()
            for chunk in without_rejects(self.source.chunks()):
                self._columns.require_no_clash(chunk.names)
                self.rows += len(chunk)
                yield chunk

    def close(self) -> None:
        self.source.close()

    def _require_same_schema(self) -> None:
        if not self.source.schema.equals(self.schema):
            names = ", ".join(self.source.schema.names)
            raise UsageError(
                f"{self.source.name}: its columns ({names}) or their types differ from those of {self._inputs[0].name}"
            )


def _suffix_type(output: Location) -> Format | None:
    return FileType.of(output.file_name).format if is_known(output.file_name) else None


def _output_type(output: Location, source: Source) -> FileType:
    """As the output's suffix says, else the input's format."""
    if is_known(output.file_name):
        return FileType.of(output.file_name)
    return FileType(source.format, Compression.NONE)


def summarize(scorer: Scorer, counts: Counts, jobs: Sequence[Job]) -> dict[str, Any]:
    """The run as one flat record. `output` is a list only if there are several.

    `rows_rejected` is what was read and is neither scored nor unscorable; a record that cannot be read stops the job.
    """
    outputs = [job.output.name for job in jobs]
    seconds = counts.seconds
    return {
        "rows_in": counts.rows_in,
        "rows_scored": counts.rows_scored,
        "rows_unscorable": counts.rows_unscorable,
        "rows_rejected": counts.rows_in - counts.rows_scored - counts.rows_unscorable,
        "tokens": counts.tokens,
        "padding_ratio": counts.padding_ratio,
        "seconds": round(seconds, 3),
        "rows_per_second": round(counts.rows_in / seconds, 1),
        "peak_rss_bytes": peak_rss_bytes(),
        "model": str(scorer.bundle.folder),
        "model_sha256": scorer.bundle.sha256,
        "device": scorer.device.value,
        "provider": scorer.provider,
        "threads": scorer.threads,
        "output": outputs[0] if len(outputs) == 1 else outputs,
    }
