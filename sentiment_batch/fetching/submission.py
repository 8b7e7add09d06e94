"""Turn a scored test file into a submission to "Sentiment Analysis on Movie Reviews": PhraseId,Sentiment."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import BadDataError, ConfigurationError, UsageError
from sentiment_batch.locations import Location
from sentiment_batch.publishing import publishing
from sentiment_batch.sources import SourceOptions, read_table

ID, LABEL = "PhraseId", "Sentiment"
CLASSES = 5
NEUTRAL = 2

_SHOWN = 3


class Counts(NamedTuple):
    """Rows written, and how many of them had no prediction and got the neutral class."""

    rows: int
    neutral: int


def write_submission(scored: Location, test: Location, model: ModelBundle, output: Location) -> Counts:
    """Write one class, 0 to 4, for every id of `test`, in its order; a phrase without a prediction is neutral.

    `scored` is a file that `score` wrote with `model`, with the columns PhraseId and sentiment. A label's class is its
    rank among the model's five, from the most negative. Raises BadDataError if its ids are not exactly those of `test`,
    UsageError for a column that is missing, ConfigurationError for labels that do not fit, CannotWriteError for the
    output.
    """
    if len(model.labels) != CLASSES:
        raise ConfigurationError(
            f"the model has {len(model.labels)} labels, the competition {CLASSES} classes: name the right one with "
            "--model"
        )
    if model.polarities is None:
        raise ConfigurationError(
            f"the model's labels have no known order, the competition's classes do ({', '.join(model.labels)}): name "
            "another one with --model"
        )
    ranked = sorted(zip(model.polarities, model.labels, strict=True))
    classes = {label: str(rank) for rank, (_, label) in enumerate(ranked)}
    rows = read_table(scored, SourceOptions(text_column="sentiment", columns=(ID, "sentiment")))
    found = [str(value) for value in rows[ID].to_pylist()]
    wanted = [str(value) for value in read_table(test, SourceOptions(columns=(ID,)))[ID].to_pylist()]
    _require_same(found, scored, wanted, test)
    predictions = dict(zip(found, rows["sentiment"].to_pylist(), strict=True))
    unknown = sorted({label for label in predictions.values() if label} - classes.keys())
    if unknown:
        raise ConfigurationError(
            f"{scored.name} has the label {unknown[0]!r}, the model does not: name the one that scored it with --model"
        )
    with publishing(output) as stream:
        stream.write(f"{ID},{LABEL}\n".encode())
        for phrase in wanted:
            stream.write(f"{phrase},{classes.get(predictions[phrase], NEUTRAL)}\n".encode())
    return Counts(len(wanted), sum(not label for label in predictions.values()))


def _require_same(found: Sequence[str], scored: Location, wanted: Sequence[str], test: Location) -> None:
    if not wanted:
        raise UsageError(f"{test.name} has no rows: --test names the competition's test file")
    in_scored, in_test = Counter(found), Counter(wanted)
    for phrases, problem in (
        ([phrase for phrase in in_test if phrase not in in_scored], f"of {test.name} that are not in {scored.name}"),
        ([phrase for phrase in in_scored if phrase not in in_test], f"of {scored.name} that are not in {test.name}"),
        ([phrase for phrase, count in in_scored.items() if count > 1], f"that stand twice in {scored.name}"),
        ([phrase for phrase, count in in_test.items() if count > 1], f"that stand twice in {test.name}"),
    ):
        if phrases:
            some = ", ".join(phrases[:_SHOWN]) + (", …" if len(phrases) > _SHOWN else "")
            raise BadDataError(f"{ID}s {problem}: {len(phrases):,} ({some}): score the whole test file, once")
