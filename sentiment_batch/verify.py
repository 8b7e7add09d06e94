"""A finished output proved again, from its receipt: hashes, counts and columns, and rows scored anew."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sentiment_batch.bundle import sha256_of
from sentiment_batch.errors import BadDataError, ConfigurationError, NoInputError
from sentiment_batch.locations import Location
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.reader import Reader, fingerprints
from sentiment_batch.receipt import read_receipt, receipt_path, rejects_path
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import PROVIDERS
from sentiment_batch.sources import Dialect, Source, SourceOptions, open_source
from sentiment_batch.text import LongText


def verify(output: Location, rescore: int) -> dict[str, Any]:
    """Check an output against its receipt, and `rescore` random rows of it against its inputs and its model.

    Returns what was found good. Raises BadDataError that names the first difference, NoInputError if there is no
    receipt or no input to score anew, and ConfigurationError if the model is no longer the one of the receipt.
    """
    try:
        return _verify(output, read_receipt(Path(output.path)), rescore)
    except (AttributeError, KeyError, RecursionError, StopIteration, TypeError, ValueError) as error:
        name = receipt_path(Path(output.path)).name
        raise BadDataError(f"{name} is not a receipt: {type(error).__name__}: {error}") from error


def _verify(output: Location, receipt: Mapping[str, Any], rescore: int) -> dict[str, Any]:
    _check_files(Path(output.path), receipt)
    rows = _check_rows(output, receipt)
    if rescore:
        _check_predictions(output, receipt, sorted(random.sample(range(rows), min(rescore, rows))))
    return {
        "output": output.name,
        "run": receipt["run"],
        **{name: receipt[name] for name in ("rows_in", "rows_scored", "rows_unscorable", "rows_rejected")},
        "rows_rescored": min(rescore, rows),
        "sha256": receipt["output"]["sha256"],
    }


def _check_files(target: Path, receipt: Mapping[str, Any]) -> None:
    rejects = rejects_path(target)
    for path, expected in ((target, receipt["output"]), (rejects, receipt["rejects"])):
        _require(f"{path.name}: being there", path.is_file(), expected is not None)
        if expected:
            _require(f"{path.name}: size in bytes", path.stat().st_size, expected["bytes"])
            _require(f"{path.name}: sha256", sha256_of(path), expected["sha256"])
    if receipt["rejects"]:
        with rejects.open("rb") as lines:
            _require(f"{rejects.name}: records", sum(1 for _ in lines), receipt["rows_rejected"])


def _check_rows(output: Location, receipt: Mapping[str, Any]) -> int:
    """The number of rows in the output."""
    reason = f"{receipt['options']['prefix']}sentiment_error"
    rows = unscorable = 0
    with closing(_open_output(output, receipt)) as source:
        missing = [name for name in receipt["output"]["columns"] if name not in source.names]
        _require("missing columns", missing, [])
        for row in _rows(source):
            rows += 1
            unscorable += bool(row.get(reason))
    _require("rows in the output", rows, receipt["rows_scored"] + receipt["rows_unscorable"])
    _require("rows without a prediction", unscorable, receipt["rows_unscorable"])
    _require("rows accounted for", rows + receipt["rows_rejected"], receipt["rows_in"])
    _require("rows in parts", sum(part["rows"] for part in receipt["parts"]), receipt["rows_in"])
    return rows


def _check_predictions(output: Location, receipt: Mapping[str, Any], places: Sequence[int]) -> None:
    options = receipt["options"]
    inputs = [Location.parse(entry["name"]) for entry in receipt["inputs"]]
    if fingerprints(inputs) != receipt["inputs"]:
        raise NoInputError(f"{output.name}: its input is gone, or has changed since: verify it without --rescore")
    device = next(device for device, provider in PROVIDERS.items() if provider == receipt["provider"])
    scoring = ScoringOptions(device, max_tokens=options["max_tokens"], long_text=LongText(options["long_text"]))
    source_options = SourceOptions(
        options["text_column"], options["columns"] and tuple(options["columns"]), dialect=Dialect(**options["dialect"])
    )
    with Scorer.load(Path(receipt["model"]), scoring) as scorer:
        if scorer.bundle.sha256 != receipt["model_sha256"]:
            raise ConfigurationError(f"{scorer.bundle.folder}: not the model that {output.name} was scored with")
        added = PredictionColumns.of(scorer.bundle, prefix=options["prefix"], probabilities=options["probabilities"])
        with closing(Reader(inputs, output, source_options, added)) as reader:
            texts = _pick((text for chunk in reader.chunks() for text in chunk.texts), places)
        expected = added.batch(scorer.score(texts)).to_pylist()
    with closing(_open_output(output, receipt)) as source:
        found = _pick(_rows(source), places)
    for place, before, now in zip(places, found, expected, strict=True):
        for field in added.schema:
            values = [_comparable(row.get(field.name), field.type) for row in (before, now)]
            _require(f"row {place + 1}: {field.name}", *values)


def _open_output(output: Location, receipt: Mapping[str, Any]) -> Source:
    # Any column of text will do to read the file: the output need not hold the reviews.
    return open_source(output, SourceOptions(text_column=f"{receipt['options']['prefix']}sentiment", verbatim=True))


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    for chunk in source.chunks():
        yield from chunk.records.to_pylist() if chunk.lines is None else map(json.loads, chunk.lines)


def _pick(rows: Iterator[Any], places: Sequence[int]) -> list[Any]:
    """The rows at those places, which ascend."""
    picked: list[Any] = []
    start = 0
    for place in places:
        picked += islice(rows, place - start, place - start + 1)
        start = place + 1
    return picked


def _comparable(value: Any, kind: pa.DataType) -> Any:
    """A value as every format gives it back: CSV has text only, JSON and Parquet have types."""
    if value is None or value == "":
        return None
    if pa.types.is_floating(kind):
        return np.float32(value).tobytes().hex()
    if pa.types.is_boolean(kind):
        return str(value).lower()
    return str(value)


def _require(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise BadDataError(f"{what}: {json.dumps(found)}, but the receipt says {json.dumps(expected)}")
