"""Rejected records, mended by hand, scored after all: their rows come behind those that are there.

The new output, rejects and receipt are complete in the staging folder before the first of them takes its place, and
whatever comes between, the same command again puts those in place that are still there.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import count, groupby
from operator import itemgetter
from typing import Annotated, Any, cast

import msgspec
import pyarrow.fs as pafs

from sentiment_batch.accounting import extend_receipt
from sentiment_batch.assembling import append_parts, first_reject, publish_rejects
from sentiment_batch.committing import commit_chunk
from sentiment_batch.earlier import Earlier
from sentiment_batch.errors import BadDataError, ConfigurationError, NoInputError
from sentiment_batch.events import tell
from sentiment_batch.identity import fingerprints
from sentiment_batch.isolation import score_survivors
from sentiment_batch.journal import Tally
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.publishing import publish
from sentiment_batch.reader import Reader
from sentiment_batch.receipt import Receipt, read_receipt, reject_rate, write_receipt
from sentiment_batch.replay import added_columns, inputs_of, load_scorer, replaying, source_options_of
from sentiment_batch.resuming import clear_traces, is_retry, staged
from sentiment_batch.scoring import Scorer
from sentiment_batch.sinks import Layout
from sentiment_batch.sources import Reject
from sentiment_batch.staging import Staging

_ADVICE = "correct records or leave them, but do not add or remove any"


def retry_rejects(output: Output, *, threads: int | None, max_reject_rate: float, restart: bool) -> Tally:
    """Score the records of the output's rejects file as they are by now; those that still cannot be read stay there.

    Returns what became of them. Raises NoInputError if there is no such output, rejects file or input; BadDataError
    if one of them is not what the receipt says, or if, after everything is written, more than `max_reject_rate` of
    all records are rejected; ConfigurationError if the model is not the one of the receipt, or a run of `score` has not
    been finished; UsageError if the rows came from a pipe.
    """
    clear_traces(output)
    if (earlier := Earlier(output)).is_replaceable():
        earlier.clear_finished()
    if Earlier(output).published():
        with staged(output, {}) as staging:
            if not is_retry(staging.run):
                raise ConfigurationError(
                    f"{output.name}: a run of `score` into it is unfinished: run that command again first"
                )
            return _finish(staging, output, max_reject_rate)
    failed = output.incomplete.kind() == pafs.FileType.File
    note = output.incomplete if failed else output.receipt
    receipt = read_receipt(note)
    if receipt["rejects"] is None:
        raise NoInputError(f"{output.name}: none of its records was rejected")
    inputs = inputs_of(output, receipt)
    identity = {"retried_receipt": _sha256(note), "rejects_sha256": _sha256(output.rejects)}
    with (
        replaying(output),
        load_scorer(receipt, threads) as scorer,
        staged(output, identity, restart=restart) as staging,
    ):
        tell("started", run=staging.run["run"], output=output.name, inputs=[output.rejects.name])
        if not output.files():
            raise NoInputError(f"{output.name}: no such file: put it back beside its receipt, or score its inputs anew")
        if output.describe()["sha256"] != receipt["output"]["sha256"]:
            raise BadDataError(f"{output.name}: it does not match its receipt: score its inputs anew")
        _require_unchanged(inputs, receipt)
        layout = _commit_chunks(output, receipt, inputs, staging, scorer)
        retried = staging.tally
        if retried.rows_in != receipt["rows_rejected"]:
            raise BadDataError(
                f"{output.rejects.name}: {retried.rows_in:,} records, where the receipt says "
                f"{receipt['rows_rejected']:,}: {_ADVICE}"
            )
        append_parts(staging, output, layout)
        write_receipt(staging.file("receipt"), extend_receipt(receipt, staging))
        if _sha256(output.rejects) != identity["rejects_sha256"]:
            raise BadDataError(f"{output.rejects.name} was edited while it was read: run the same command again")
        staging.record_output(identity["rejects_sha256"])
        return _finish(staging, output, max_reject_rate)


def _require_unchanged(inputs: Sequence[Location], receipt: Receipt) -> None:
    """What a reject says of its place is only true of the very file that was scored."""
    for location, now, before in zip(inputs, fingerprints(inputs), receipt["inputs"], strict=True):
        if now["bytes"] is None:
            raise NoInputError(f"{location.name}: no such file")
        if now != before:
            raise BadDataError(f"{location.name} has changed since it was scored: restore it, or score it anew")


def _commit_chunks(
    output: Output, receipt: Receipt, inputs: Sequence[Location], staging: Staging, scorer: Scorer
) -> Layout:
    """Commit every chunk of mended records that is not yet; returns what they look like in the output."""
    added, options = added_columns(receipt, scorer), source_options_of(receipt)
    places = count()
    with closing(Reader(inputs[:1], output.location, options, added.schema.names)) as reader:
        layout = Layout(reader.output_type, reader.schema, added.schema, receipt["options"]["guard_formulas"])
    if [*layout.records.names, *layout.predictions.names] != receipt["output"]["columns"]:
        raise BadDataError(f"{output.name}: its columns are not those of its inputs: score them anew")
    for number, rejects in groupby(_rejects(output.rejects, len(inputs)), itemgetter(0)):
        with closing(Reader([inputs[number]], output.location, options, added.schema.names)) as reader:
            for chunk in reader.source.retry(reject for _, reject in rejects):
                place = next(places)
                if staging.finished(place) is None:
                    # They may be here because scoring them ended a process.
                    [(scores, crashed)] = score_survivors(scorer, [chunk.texts])
                    records = chunk.records.select(layout.records.names)
                    chunk = replace(chunk, records=records, input=number, place=place)
                    commit_chunk(staging, chunk, scores, added, crashed)
    return layout


def _rejects(location: Location, inputs: int) -> Iterator[tuple[int, Reject]]:
    """Each with the number of its input; raises BadDataError for a line that is none, or one of the same record."""
    seen = set()
    with location.open() as stream:
        for number, line in enumerate(io.BufferedReader(cast(io.RawIOBase, stream)), start=1):
            if line.isspace():
                continue
            try:
                record = msgspec.json.decode(line, type=dict[str, Any])
                reject = Reject.of(record)
                of_input = msgspec.convert(record.get("input"), Annotated[int, msgspec.Meta(ge=0, lt=inputs)])
            except (RecursionError, ValueError) as error:
                raise BadDataError(f"{location.name}: line {number}: not a reject: {error}") from error
            place = of_input, *reject.place()
            if place in seen:  # then another one is missing, though the number of lines may be right
                raise BadDataError(f"{location.name}: line {number}: the record of an earlier line again: {_ADVICE}")
            seen.add(place)
            yield of_input, reject


def _sha256(location: Location) -> str:
    try:
        return location.sha256()
    except FileNotFoundError as error:
        raise NoInputError(f"{location.name}: no such file") from error


def _finish(staging: Staging, output: Output, max_reject_rate: float) -> Tally:
    """Put output, rejects and receipt in place, as far as they are not; raises BadDataError for too many rejects.

    An upload leaves them in the staging folder: the output, which may be there in part, is uploaded again.
    """
    if staging.file("output").exists():
        publish(staging.file("output"), output.location)
    is_done = output.receipt.kind() == pafs.FileType.File
    publish_rejects(staging, output)
    path = staging.file("receipt")
    if path.exists():
        receipt = read_receipt(staging.unpublished("receipt").location)
        is_done = is_done or reject_rate(receipt) <= max_reject_rate
        publish(path, output.receipt if is_done else output.incomplete)
    if is_done:
        output.incomplete.remove()
    tally = staging.tally
    if not is_done:
        raise BadDataError(
            f"{first_reject(staging)}: {tally.rows_rejected:,} of {tally.rows_in:,} still rejected: "
            f"see {output.rejects.name}"
        )
    staging.remove()
    tell("finished", run=staging.run["run"], output=output.name, **tally.rows)
    return tally
