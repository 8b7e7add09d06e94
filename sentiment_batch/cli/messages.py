"""What is said on stderr: lines for people, without control characters, whatever files and columns are called; or, for
whoever asks for it with --log-format json, an object a line.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from sentiment_batch.events import LOG, listen, tell

_MAX_CHARACTERS = 10_000


def say(*lines: str) -> None:
    """Print each as one line to stderr; of a very long one the beginning."""
    for line in lines:
        _print(printable(line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]}…"))


def announce(event: str, *lines: str, level: int = logging.INFO, **facts: Any) -> None:
    """Say the lines; or, in JSON, the event with its facts."""
    tell(event, level, **facts)
    if not speaks_json():
        say(*lines)


def warn(message: str) -> None:
    announce("warning", f"Warning: {message}", level=logging.WARNING, message=message)


def printable(text: str) -> str:
    """On one line, with control characters escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def notes(quiet: bool) -> Callable[[str], None]:
    """`say`, or silence."""
    return (lambda message: None) if quiet else say


def speak_json(*, quiet: bool) -> None:
    """From now on, stderr gets events: all, or problems only."""
    if not speaks_json():
        listen(_JSON)
    _JSON.setLevel(logging.WARNING if quiet else logging.INFO)


def speaks_json() -> bool:
    return _JSON in LOG.handlers


def _print(line: str) -> None:
    with suppress(OSError):  # a run goes on when nobody takes what it says
        click.echo(line, err=True)


class _JsonLines(logging.Handler):
    """From when a run has started until it is finished, every line has its id."""

    def __init__(self) -> None:
        super().__init__()
        self._run: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = record.__dict__["facts"]
        self._run = facts.get("run", self._run)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.msg,
            "run": self._run,
            **facts,
        }
        if record.msg in {"finished", "failed"}:
            self._run = None
        _print(json.dumps(line))


_JSON = _JsonLines()
