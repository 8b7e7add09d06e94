"""What went in and what came out, written last: where it stands, every row is accounted for.

Its entries may be used as they are: what is not of these types is not read.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec
import pyarrow.fs as pafs

from sentiment_batch.distribution import CONFIDENCE_EDGES, TOKEN_EDGES
from sentiment_batch.durable import writing
from sentiment_batch.errors import BadDataError, InputOutputError, NoInputError, first_line
from sentiment_batch.locations import Location
from sentiment_batch.text import LongText

SCHEMA_VERSION: Literal[1] = 1

Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[^\0]+$")]


class Histogram(TypedDict):
    """`rows[i]` values lie from edges[i] up to edges[i + 1]."""

    edges: list[float]
    rows: list[Count]


class Predictions(TypedDict):
    """See Distribution.record."""

    labels: dict[str, Count]
    mean_polarity: Annotated[float, msgspec.Meta(ge=-1, le=1)] | None
    confidence: Histogram
    tokens: Histogram
    truncated_share: Share
    unknown_token_share: Share


class Input(TypedDict):
    """See identity.fingerprints."""

    name: Name
    bytes: NotRequired[Count | None]
    modified_ns: NotRequired[int | None]


class DialectEntries(TypedDict):
    """See Dialect."""

    delimiter: str | None
    quote: str | None
    encoding: str
    max_field_bytes: Count


class RunOptions(TypedDict):
    """The options of a run; see identity_of."""

    text_column: str | None
    columns: list[str] | None
    verbatim: bool
    dialect: DialectEntries
    max_tokens: Annotated[int, msgspec.Meta(ge=1)]
    long_text: LongText
    provider: Literal["CPUExecutionProvider", "CUDAExecutionProvider"]
    prefix: str
    probabilities: bool
    guard_formulas: bool


class File(TypedDict):
    name: str
    bytes: Count
    sha256: str


class Written(File):
    """See Output.describe."""

    files: NotRequired[list[File]]


class WrittenRows(Written):
    columns: list[str]


class ReceiptPart(TypedDict):
    """What became of a chunk; see Commit."""

    rows: Count
    content_sha256: str
    sha256: str
    crashed_rows: list[Count]


class Retry(TypedDict):
    """Mended records that were added."""

    run: str
    started: str
    finished: str
    rows: Count
    parts: list[ReceiptPart]


class Receipt(TypedDict):
    schema_version: Literal[1]
    run: str
    started: str
    inputs: Annotated[list[Input], msgspec.Meta(min_length=1)]
    model_sha256: str
    options: RunOptions
    versions: dict[str, str]
    finished: str
    rows_in: Count
    rows_scored: Count
    rows_unscorable: Count
    rows_rejected: Count
    tokens: Count
    padding_tokens: Count
    distribution: Predictions
    seconds: float
    model: Name
    engine: str
    device: str
    provider: str
    threads: Count
    parts: list[ReceiptPart]
    output: WrittenRows
    rejects: Written | None
    retries: NotRequired[list[Retry]]


def reject_rate(receipt: Receipt) -> float:
    """The share of all records that are rejected, in [0, 1]."""
    # A quotient: 29 of 100 is not above a limit of 0.29, but 29 is above 0.29 * 100.
    return receipt["rows_rejected"] / max(1, receipt["rows_in"])


def write_receipt(path: Path, receipt: Receipt) -> None:
    """To a file of this machine, from which it can be published; raises OSError."""
    with writing(path) as stream:
        stream.write(json.dumps(receipt, ensure_ascii=False, indent=2).encode("utf-8") + b"\n")


def read_receipt(target: Location) -> Receipt:
    """Raises NoInputError if there is none, BadDataError if it is not one, InputOutputError if it cannot be read."""
    name = target.name
    if target.kind() == pafs.FileType.Unknown:
        raise BadDataError(f"{name} is a device or a pipe, not a receipt: name a file")
    try:
        with target.open() as stream:
            receipt = msgspec.json.decode(stream.read(), type=Receipt)
        _require_these_bins(receipt["distribution"])
    except FileNotFoundError as error:
        raise NoInputError(f"{name}: no such file: only a finished run leaves a receipt") from error
    except OSError as error:
        raise InputOutputError(f"{name}: {first_line(error)}") from error
    except (RecursionError, ValueError) as error:
        raise BadDataError(f"{name} is not a receipt of this version: {error}: score its inputs anew") from error
    return receipt


def find_receipt(*targets: Location) -> Receipt | None:
    """The first of some that is one and not damaged; raises InputOutputError for one that cannot be read."""
    for target in targets:
        with suppress(BadDataError, NoInputError):
            return read_receipt(target)
    return None


def _require_these_bins(found: Predictions) -> None:
    for histogram, edges in ((found["confidence"], CONFIDENCE_EDGES), (found["tokens"], TOKEN_EDGES)):
        if histogram["edges"] != edges or len(histogram["rows"]) != len(edges) - 1:
            raise ValueError("it counts in other bins")
