"""What is said to people, on stderr."""

from collections.abc import Callable

import click


def say(message: str) -> None:
    """One line, whatever the message: control characters of a file name, say, are escaped."""
    click.echo("".join(char if char.isprintable() else repr(char)[1:-1] for char in message), err=True)


def notes(quiet: bool) -> Callable[[str], None]:
    """`say`, or silence."""
    return (lambda message: None) if quiet else say
