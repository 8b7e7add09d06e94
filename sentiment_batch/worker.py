"""The whole job: for each chunk of the input, score it and commit it; in the end, publish."""

import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs

from sentiment_batch.accounting import make_receipt
from sentiment_batch.assembling import first_reject, publish_parts
from sentiment_batch.committing import commit_chunks, tally_of
from sentiment_batch.earlier import Earlier
from sentiment_batch.errors import BadDataError, CannotWriteError, UsageError, first_line
from sentiment_batch.events import tell
from sentiment_batch.identity import fingerprints, identity_of
from sentiment_batch.jobs import Job
from sentiment_batch.journal import Tally
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.publishing import publish
from sentiment_batch.reader import Reader
from sentiment_batch.receipt import Receipt, reject_rate, write_receipt
from sentiment_batch.resuming import require_startable, staged
from sentiment_batch.scoring import Scorer
from sentiment_batch.sinks import Layout, open_sink
from sentiment_batch.sources import SourceOptions, require_all, without_rejects
from sentiment_batch.staging import Staging
from sentiment_batch.summary import Progress, describe


@dataclass(frozen=True)
class Plan:
    """What a job would do, as far as can be told before the first row is scored; None where only reading tells."""

    inputs: list[str]
    output: str
    format: str | None
    text_column: str | None
    rows: int | None
    columns: list[str]


@dataclass(frozen=True)
class Worker:
    """Does jobs with one model and the same options.

    `guard_formulas`: no field of a CSV or TSV output is to be taken for a formula; see sinks.Layout. `force`:
    outputs that exist are replaced. `restart`: what an unfinished run has done is thrown away. `update`: an output that
    was made of the same inputs before they changed is replaced, and such unfinished work thrown away.
    `max_reject_rate`: the share of records that may be rejected.
    """

    scorer: Scorer
    options: SourceOptions
    columns: PredictionColumns
    guard_formulas: bool = False
    force: bool = False
    restart: bool = False
    update: bool = False
    max_reject_rate: float = 0.0

    def check(self, job: Job) -> Plan:
        """What the job would do, without scoring; raises what `run` would at its start if it cannot be done."""
        if job.problem:
            raise UsageError(job.problem)
        if job.is_staged:
            self._require_replaceable(job)
        inputs = [location.name for location in job.inputs]
        if any(location.is_standard_stream for location in job.inputs):  # it can be read only once
            self._require_startable(job)
            return Plan(inputs, job.output.name, None, None, None, self.columns.schema.names)
        with closing(self._reader(job)) as reader:
            self._require_startable(job)
            reader.require_alike()
            self._require_place(reader)
            return Plan(
                inputs,
                job.output.name,
                reader.output_type.format.value,
                reader.source.text_column or None,
                reader.total,
                [*reader.source.names, *self.columns.schema.names],
            )

    def receipt_of_same(self, job: Job) -> Receipt | None:
        """The receipt of this very job, if it was done to the same end: with the same inputs, model and options."""
        receipt = Earlier(job.output).receipt if job.is_staged else None
        if receipt is None or self._note(job.output, receipt).kind() != pafs.FileType.File:
            return None
        same = all(entry in receipt.items() for entry in self._identity(job).items()) and job.output.files()
        return receipt if same and job.output.describe()["sha256"] == receipt["output"]["sha256"] else None

    def recount(self, job: Job, receipt: Receipt, progress: Progress) -> None:
        """Count a job that the receipt says is done, as `run` would have; raises BadDataError for too many rejects."""
        progress.begin_job()
        progress.add(Tally.from_record(receipt), None, resumed=True)
        if self._fails(receipt):
            raise _too_many_rejects(job.output.name, job.output, receipt)

    def run(self, job: Job, progress: Progress) -> None:
        """Score the job's inputs into its output, which appears when everything is in it; adds to `progress`.

        The output is made of committed parts: the same job continues where another process left it. Standard output
        gets the rows as they come, and no rejects.

        Raises BadDataError for too many rejects, after everything is written.
        """
        progress.begin_job()
        # Before the inputs are opened: one that is replaced in between is then found to have changed.
        identity = self._identity(job)
        with closing(self._reader(job)) as reader:
            self._require_place(reader)  # standard input has not been checked
            if not job.is_staged:
                self._stream(reader, progress)
                return
            # A part and an output are each about as large as the input that they hold; compressed, they are smaller.
            sizes = [entry.get("bytes") or 0 for entry in identity["inputs"]]
            expected = sum(sizes) if self.options.columns is None else 0
            restart = self._restarts(job, identity["inputs"])
            with staged(job.output, identity, restart=restart, expected_bytes=expected) as staging:
                run, began = staging.run["run"], progress.seconds
                names = [entry["name"] for entry in identity["inputs"]]
                tell("started", run=run, output=job.output.name, inputs=names, columns=self._column_types(reader))
                try:
                    commit_chunks(reader, staging, self.scorer, self.columns, progress)
                    if fingerprints(job.inputs) != staging.run["inputs"]:
                        raise BadDataError(
                            f"{job.output.name}: an input changed while it was read: run the same command again"
                        )
                    if not self.force:  # somebody may have begun meanwhile
                        Earlier(job.output).require_unmended()
                except (BadDataError, UsageError):
                    progress.drop_job()  # for `staged` keeps nothing of it
                    raise
                publish_parts(staging, job.output, self._layout(reader))
                seconds = round(progress.seconds - began, 3)
                self._publish_receipt(job.output, staging, reader, seconds)
                staging.remove()
                tell("finished", run=run, output=job.output.name, **staging.tally.rows, seconds=seconds)

    def _stream(self, reader: Reader, progress: Progress) -> None:
        try:
            with open_sink(sys.stdout.buffer, self._layout(reader)) as sink:
                for chunk, scores in self.scorer.stream(without_rejects(reader), lambda chunk: chunk.texts):
                    predictions = self.columns.batch(scores)
                    sink.write(chunk.records, predictions, chunk.lines)
                    distribution = self.columns.distribution(predictions, scores.unknown_tokens)
                    progress.add(tally_of(scores, chunk.rejects, distribution), reader.total)
                require_all(progress.records_of_job, reader.rows)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotWriteError(f"stdout: {first_line(error)}") from error

    def _publish_receipt(self, output: Output, staging: Staging, reader: Reader, seconds: float) -> None:
        facts = {"seconds": seconds, **describe(self.scorer)}
        names = [*reader.schema.names, *self.columns.schema.names]
        receipt = make_receipt(output, staging, names, facts)
        write_receipt(staging.file("receipt"), receipt)
        publish(staging.file("receipt"), self._note(output, receipt))
        if self._fails(receipt):
            raise _too_many_rejects(str(first_reject(staging)), output, receipt)

    def _fails(self, receipt: Receipt) -> bool:
        return reject_rate(receipt) > self.max_reject_rate

    def _note(self, output: Output, receipt: Receipt) -> Location:
        """Where the receipt belongs."""
        return output.incomplete if self._fails(receipt) else output.receipt

    def _require_replaceable(self, job: Job) -> None:
        """Raise UsageError or CannotWriteError if what stands in the place of the output is not to be replaced."""
        earlier = Earlier(job.output)
        own = self.force or earlier.is_replaceable() or (self.update and earlier.is_of(fingerprints(job.inputs)))
        if not self.force:  # which would be the advice of the other
            earlier.require_unmended()
        job.output.require_writable(force=own)

    def _restarts(self, job: Job, inputs: Sequence[Mapping[str, Any]]) -> bool:
        return self.restart or (self.update and Earlier(job.output).is_outdated(inputs))

    def _require_place(self, reader: Reader) -> None:
        """Raise UsageError for a column that the output cannot hold."""
        with open_sink(io.BytesIO(), self._layout(reader)):
            pass

    def _require_startable(self, job: Job) -> None:
        if job.is_staged:
            identity = self._identity(job)
            require_startable(job.output, identity, restart=self._restarts(job, identity["inputs"]))

    def _column_types(self, reader: Reader) -> dict[str, str]:
        """The output's columns with their types; `json` for columns of JSON objects that are kept as they are."""
        types = dict.fromkeys(reader.source.names, "json")
        return types | {field.name: str(field.type) for field in (*reader.schema, *self.columns.schema)}

    def _identity(self, job: Job) -> dict[str, Any]:
        return identity_of(job, self.scorer, self.options, self.columns, guard_formulas=self.guard_formulas)

    def _reader(self, job: Job) -> Reader:
        return Reader(job.inputs, job.output.location, self.options, self.columns.schema.names)

    def _layout(self, reader: Reader) -> Layout:
        return Layout(reader.output_type, reader.schema, self.columns.schema, self.guard_formulas)


def _too_many_rejects(where: str, output: Output, receipt: Receipt) -> BadDataError:
    return BadDataError(
        f"{where}: {receipt['rows_rejected']:,} of {receipt['rows_in']:,} records are rejected: "
        f"see {output.rejects.name}; {output.name} has the others"
    )
