"""Lines for people: on stderr, without control characters, whatever files and columns are called."""

from collections.abc import Callable

import click

_MOST_CHARACTERS = 10_000


def say(*lines: str) -> None:
    """Print each as one line to stderr; of a very long one the beginning."""
    for line in lines:
        click.echo(printable(line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"), err=True)


def printable(text: str) -> str:
    """On one line, with control characters escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def notes(quiet: bool) -> Callable[[str], None]:
    """`say`, or silence."""
    return (lambda message: None) if quiet else say
