"""What was measured on each sample: a table for the card, lines for the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentiment_batch.export.markdown import table
from sentiment_batch.manifest import Description, Quantization

# Title, place in a sample's record, format.
Column = tuple[str, tuple[str, ...], str]
COMPARISON: tuple[Column, ...] = (
    ("Same label as in float", ("agreement",), "{:.2%}"),
    ("Largest change of a probability", ("largest_probability_change",), "{:.3f}"),
    ("Accuracy, float", ("float", "accuracy"), "{:.2%}"),
    ("Accuracy, int8", ("int8", "accuracy"), "{:.2%}"),
    ("Accuracy, fp16", ("fp16", "accuracy"), "{:.2%}"),
    ("Binary accuracy, float", ("float", "binary_accuracy"), "{:.2%}"),
    ("Binary accuracy, int8", ("int8", "binary_accuracy"), "{:.2%}"),
    ("Binary accuracy, fp16", ("fp16", "binary_accuracy"), "{:.2%}"),
)
CALIBRATION: tuple[Column, ...] = (
    ("Calibration error, unscaled", ("calibration", "unscaled"), "{:.2%}"),
    ("… scaled", ("calibration", "scaled"), "{:.2%}"),
    ("… scaled by the other half", ("calibration", "other_half"), "{:.2%}"),
    ("… by chance alone", ("calibration", "by_chance"), "{:.2%}"),
)


def sample_table(samples: Mapping[str, Any], columns: Sequence[Column]) -> list[str]:
    """A Markdown table, a row for each sample, of the columns for which anything was measured; none without any."""
    filled = [column for column in columns if any(_cell(record, column) for record in samples.values())]
    if not filled:
        return []
    header = ("Sample", "Texts", *(title for title, _, _ in filled))
    rows = (
        (name, f"{record['texts']:,}", *(_cell(record, column) for column in filled))
        for name, record in samples.items()
    )
    return [table(header, rows)]


def summarize(folder: Path, description: Description) -> str:
    """What was written and measured, in plain lines."""
    kind = description.precision if description.quantization is Quantization.NONE else description.quantization
    lines = [f"wrote {folder}: {kind}, {len(description.labels)} labels"]
    columns = COMPARISON + CALIBRATION
    for name, record in description.measured["samples"].items():
        facts = [f"{column[0].lower()} {_cell(record, column)}" for column in columns if _cell(record, column)]
        lines.append(f"{name}, {record['texts']:,} texts: {'; '.join(facts)}")
    return "\n".join(lines)


def _cell(record: Mapping[str, Any], column: Column) -> str:
    """A sample's value in a column; empty where nothing was measured."""
    _, place, form = column
    value: Any = record
    for key in place:
        value = None if value is None else value.get(key)
    return "" if value is None else form.format(value)
