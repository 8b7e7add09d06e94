"""What a receipt says a run was made of, ready to be used again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import BadDataError, ConfigurationError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.receipt import Receipt
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import PROVIDERS, Device, Session
from sentiment_batch.sources import SourceOptions


@contextmanager
def replaying(output: Output) -> Iterator[None]:
    """What would be wrong usage comes from the receipt here: BadDataError, where it would be a UsageError."""
    try:
        yield
    except UsageError as error:
        raise BadDataError(f"{output.name}: it does not match its receipt: {error}: score its inputs anew") from error


def inputs_of(output: Output, receipt: Receipt) -> list[Location]:
    """Raises UsageError if the rows came from a pipe, BadDataError for names that are none."""
    with replaying(output):
        inputs = [Location.parse(entry["name"]) for entry in receipt["inputs"]]
    if any(location.is_standard_stream for location in inputs):
        raise UsageError(
            f"{output.name} was scored from standard input, which cannot be read again: score it anew, from a file, or "
            "`verify` it without --rescore"
        )
    return inputs


def source_options_of(receipt: Receipt) -> SourceOptions:
    return msgspec.convert(receipt["options"], SourceOptions)


def load_scorer(receipt: Receipt, threads: int | None = None) -> Scorer:
    """Raises ConfigurationError if the model is no longer the one that the run was made with."""
    options = receipt["options"]
    device = next(device for device, provider in PROVIDERS.items() if provider == options["provider"])
    bundle = ModelBundle.load(Path(receipt["model"]), only_float=device is Device.CUDA)
    if bundle.sha256 != receipt["model_sha256"]:  # before it is asked to read as many tokens as that one
        raise ConfigurationError(
            f"{bundle.folder}: not the model that this output was scored with: put that back, or score its inputs anew"
        )
    chosen = ScoringOptions(device, threads, max_tokens=options["max_tokens"], long_text=options["long_text"])
    return Scorer(bundle, Session(bundle.graph, device, 1), chosen)


def added_columns(receipt: Receipt, scorer: Scorer) -> PredictionColumns:
    options = receipt["options"]
    return PredictionColumns.of(scorer.bundle, prefix=options["prefix"], probabilities=options["probabilities"])
