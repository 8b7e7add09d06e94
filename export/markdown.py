"""Markdown for model cards."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, whatever its cells hold: names of files and labels may have bars and line breaks."""
    first, *others = (f"| {' | '.join(map(_cell, row))} |" for row in (header, *rows))
    return "\n".join([first, "|---" * len(header) + "|", *others])


def _cell(value: object) -> str:
    return " ".join(str(value).split("\n")).replace("|", "\\|")
