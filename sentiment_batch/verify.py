"""A finished output proved again, from its receipt: hashes, counts and columns, and rows scored anew."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import BadDataError, NoInputError, TryAgainError, UsageError, first_line
from sentiment_batch.formats import FileType, Format
from sentiment_batch.graph_file import quantizes_by_batch
from sentiment_batch.identity import fingerprints
from sentiment_batch.journal import Tally
from sentiment_batch.locations import SUCCESS, Location
from sentiment_batch.output import Output
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.reader import Reader
from sentiment_batch.receipt import Receipt, find_receipt, read_receipt
from sentiment_batch.replay import added_columns, inputs_of, load_scorer, replaying, source_options_of
from sentiment_batch.session import PROVIDERS, Device
from sentiment_batch.sinks import heading
from sentiment_batch.sources import SourceOptions, open_source, without_rejects
from sentiment_batch.sources.chunk import CHUNK_ROWS
from sentiment_batch.sources.dialect import OUTPUT_DIALECT
from sentiment_batch.sources.values import NOT_OF_THE_TYPE


def verify(output: Output, rescore: int) -> dict[str, Any]:
    """Check an output against its receipt, and `rescore` random rows of it against its inputs and its model.

    Returns what was found good. Raises BadDataError that names the first difference, or for too many rejects,
    NoInputError if there is no receipt or no input to score anew, ConfigurationError if the model is no longer the one
    of the receipt, UsageError for rows to score anew whose predictions depended on their batch, or that came from a
    pipe, and TryAgainError if the output is replaced meanwhile.
    """
    if output.receipt.kind() == pafs.FileType.NotFound and output.incomplete.kind() == pafs.FileType.File:
        raise BadDataError(
            f"{output.name}: more of its records are rejected than the run was to tolerate: see {output.rejects.name}; "
            f"`sentiment-batch retry-rejects {output.name}` takes mended ones, or tolerates more (--max-reject-rate)"
        )
    receipt = read_receipt(output.receipt)
    try:
        return _verified(output, receipt, rescore)
    except (BadDataError, NoInputError, OSError) as error:
        if find_receipt(output.receipt) != receipt:
            raise TryAgainError(f"{output.name} was replaced while it was read: run the same command again") from error
        raise


def _verified(output: Output, receipt: Receipt, rescore: int) -> dict[str, Any]:
    if rescore and receipt["options"]["provider"] != PROVIDERS[Device.CPU]:
        raise UsageError(
            f"{output.name} was scored on CUDA, where the last bits of a prediction depend on its batch: "
            "verify it without --rescore"
        )
    inputs = inputs_of(output, receipt) if rescore else []
    _check_files(output, receipt)
    if rescore and quantizes_by_batch(ModelBundle.load(Path(receipt["model"])).graph):
        raise UsageError(
            f"{output.name} was scored with a graph that quantizes whole batches, where a prediction depends on its "
            "batch: verify it without --rescore"
        )
    with replaying(output):
        rows = _check_rows(output, receipt)
        # Those that came from a mended rejects file are not in the inputs.
        from_inputs = max(rows - sum(retry["rows"] for retry in receipt.get("retries", [])), 0)
        rescore = min(rescore, from_inputs)
        if rescore:
            _check_predictions(output, receipt, inputs, sorted(random.sample(range(from_inputs), rescore)))
    return {
        "output": output.name,
        "run": receipt["run"],
        "rows_in": receipt["rows_in"],
        "rows_scored": receipt["rows_scored"],
        "rows_unscorable": receipt["rows_unscorable"],
        "rows_rejected": receipt["rows_rejected"],
        "rows_rescored": rescore,
        "sha256": receipt["output"]["sha256"],
    }


def _check_files(output: Output, receipt: Receipt) -> None:
    for part, expected in ((output, receipt["output"]), (Output(output.rejects), receipt["rejects"])):
        name = part.name
        _require(f"{name}: being there", bool(part.files()), expected is not None)
        if not expected:
            continue
        found = part.describe()
        files, expected_files = found.get("files", []), expected.get("files", [])
        _require(f"{name}: files", [file["name"] for file in files], [file["name"] for file in expected_files])
        for file, expected_file in zip(files, expected_files, strict=True):
            in_folder = part.location.child(file["name"]).name
            _require(f"{in_folder}: size in bytes", file["bytes"], expected_file["bytes"])
            _require(f"{in_folder}: sha256", file["sha256"], expected_file["sha256"])
        _require(f"{name}: size in bytes", found["bytes"], expected["bytes"])
        _require(f"{name}: sha256", found["sha256"], expected["sha256"])
    if receipt["rejects"]:
        rejects = output.rejects
        with rejects.open() as stream:
            lines = sum(block.count(b"\n") for block in iter(lambda: stream.read(2**20), b""))
        _require(f"{rejects.name}: records", lines, receipt["rows_rejected"])


def _check_rows(output: Output, receipt: Receipt) -> int:
    """The number of rows in the output."""
    expected: Mapping[str, Any] = receipt["distribution"]
    columns = PredictionColumns(tuple(receipt["distribution"]["labels"]), None, receipt["options"]["prefix"])
    tally = _tally([], columns)
    found = _rows(output, receipt)
    while chunk := list(islice(found, CHUNK_ROWS)):
        tally += _tally(chunk, columns)
    rows, unscorable = tally.rows_in, tally.rows_unscorable
    _require("rows in the output", rows, receipt["rows_scored"] + receipt["rows_unscorable"])
    _require("rows without a prediction", unscorable, receipt["rows_unscorable"])
    _require("rows accounted for", rows + receipt["rows_rejected"], receipt["rows_in"])
    _require("rows in parts", sum(part["rows"] for part in receipt["parts"]), receipt["rows_in"])
    _require("tokens", tally.tokens, receipt["tokens"])
    distribution = tally.distribution.record(tally.tokens)
    # Of this the output says nothing; nor does one that is guarded always say its labels as they are.
    for name in ("unknown_token_share", *(["labels"] if receipt["options"]["guard_formulas"] else [])):
        distribution[name] = expected[name]
    for name, value in expected.items():
        _require(f"distribution: {name.replace('_', ' ')}", distribution[name], value)
    return rows


def _tally(rows: Sequence[Mapping[str, Any]], columns: PredictionColumns) -> Tally:
    """What the predictions of some rows of the output add up to."""
    batch = _batch(rows, columns.schema)
    unscorable = len(rows) - batch.column(5).null_count
    tokens = pc.sum(batch.column(3)).as_py() or 0
    return Tally(len(rows) - unscorable, unscorable, 0, tokens, 0, columns.distribution(batch))


def _batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Predictions of the output, of whatever format, in the types that they had."""
    try:
        return pa.record_batch([_column(rows, field) for field in schema], schema=schema)
    except MemoryError:
        raise
    except NOT_OF_THE_TYPE as error:
        raise BadDataError(f"the output holds an invalid prediction: {first_line(error)}") from error


def _column(rows: Sequence[Mapping[str, Any]], field: pa.Field) -> pa.Array:
    """Its values, which in CSV are text."""
    values = [row.get(field.name) for row in rows]
    return pa.array([None if value == "" else value for value in values]).cast(field.type)


def _check_predictions(output: Output, receipt: Receipt, inputs: Sequence[Location], places: Sequence[int]) -> None:
    if fingerprints(inputs) != receipt["inputs"]:
        raise NoInputError(f"{output.name}: its input is gone, or has changed since: verify it without --rescore")
    with load_scorer(receipt) as scorer:
        added = added_columns(receipt, scorer)
        with closing(Reader(inputs, output.location, source_options_of(receipt), added.schema.names)) as reader:
            texts = _pick(_texts(reader, receipt), places)
        _require("rows to score anew", len(texts), len(places))
        expected = added.batch(scorer.score(texts))
    found = _batch(_pick(_rows(output, receipt), places), added.schema)
    for place, before, now in zip(places, found.to_pylist(), expected.to_pylist(), strict=True):
        for name in added.schema.names:
            _require(f"row {place + 1}: {name}", before[name], now[name])


def _texts(reader: Reader, receipt: Receipt) -> Iterator[str | None]:
    """The texts that rows of the output were made of."""
    for chunk, part in zip(reader.chunks(), receipt["parts"], strict=False):
        crashed = set(part["crashed_rows"])
        yield from (text for row, text in enumerate(chunk.texts) if row not in crashed)


def _rows(output: Output, receipt: Receipt) -> Iterator[dict[str, Any]]:
    """The rows of the output, with the added columns at least."""
    sentiment = f"{receipt['options']['prefix']}sentiment"
    added = list(dropwhile(sentiment.__ne__, receipt["output"]["columns"]))
    # Without rows there is no telling the columns of JSON Lines; the file's hash has been found good.
    some = receipt["rows_scored"] + receipt["rows_unscorable"] > 0
    for file in output.files() if some else ():
        if file.file_name == SUCCESS:
            continue
        in_file = partial(heading, FileType.of(file.file_name), guard_formulas=receipt["options"]["guard_formulas"])
        # Any column of text will do to read the file: the output need not hold the reviews.
        options = SourceOptions(in_file(sentiment), verbatim=True, dialect=OUTPUT_DIALECT)
        with closing(open_source(file, options)) as source:
            headings = [in_file(name) for name in receipt["output"]["columns"]]
            # Objects kept as they were written may have any other keys.
            found = [name for name in source.names if source.format is not Format.JSONL or name in headings]
            _require(f"{file.name}: columns", found, headings)
            for chunk in without_rejects(source):
                if chunk.lines is None:
                    # No others: Python has no nanoseconds, nor years of five digits.
                    predictions = chunk.records.select(headings[len(headings) - len(added) :])
                    yield from predictions.rename_columns(added).to_pylist()
                else:
                    yield from map(json.loads, chunk.lines)


def _pick(rows: Iterator[Any], places: Sequence[int]) -> list[Any]:
    """The rows at those places, which ascend."""
    picked: list[Any] = []
    start = 0
    for place in places:
        picked += islice(rows, place - start, place - start + 1)
        start = place + 1
    return picked


def _require(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise BadDataError(f"{what}: {json.dumps(found)}, but the receipt says {json.dumps(expected)}")
