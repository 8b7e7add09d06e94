"""The default column names of inputs, and the columns that scoring adds."""

from collections.abc import Sequence

import pyarrow as pa

from sentiment_batch.errors import UsageError

TEXT_COLUMNS = ("text", "review", "Phrase", "review_text", "reviewText", "comment", "sentence", "content", "body")
LABEL_COLUMNS = ("label", "sentiment", "Sentiment", "stars", "rating")
GROUP_COLUMNS = ("group", "SentenceId")

# Without their prefix, and without the probability of each label.
ADDED_COLUMNS = {
    "sentiment": pa.string(),
    "confidence": pa.float32(),
    "polarity": pa.float32(),
    "n_tokens": pa.int32(),
    "truncated": pa.bool_(),
    "sentiment_error": pa.string(),
}


def listed(columns: Sequence[str]) -> str:
    """Columns for a message; in quotes those that would not be seen to be one, or to be there."""
    return ", ".join(name if name and name == name.strip() and "," not in name else f'"{name}"' for name in columns)


def find_column(columns: Sequence[str], wanted: str | None, known: Sequence[str], option: str) -> str:
    """Return the `wanted` column; if it is None, `known[0]` if present, else the only known name that is.

    Raises UsageError, listing the columns, if it is missing or several known names leave a choice.
    """
    listing = listed(columns)
    if wanted is not None:
        if wanted not in columns:
            raise UsageError(f"no column {wanted!r}; the columns are: {listing}")
        return wanted
    if known[0] in columns:
        return known[0]
    found = [name for name in known if name in columns]
    if len(found) != 1:
        problem = f"{' and '.join(map(repr, found))} could be meant" if found else "no known column name"
        raise UsageError(f"{problem}: name the column with {option}; the columns are: {listing}")
    return found[0]
