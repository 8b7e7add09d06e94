"""What the end of a command means to whoever started it: an exit code, and one line about it."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from sentiment_batch.cli.stopping import Stopped
from sentiment_batch.errors import InputOutputError, SentimentBatchError

# The exit code of a run that is done, with rejects.
TOLERATED = 3


class Outcome(NamedTuple):
    """`event`: failed or stopped."""

    event: str
    exit_code: int
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Outcome":
        """What it means that a command was left by `error`."""
        match error:
            case click.exceptions.Exit():
                return cls("failed", error.exit_code, "")
            case click.ClickException():
                return cls("failed", error.exit_code, error.format_message())
            case Stopped():
                notes = _notes(error) or ["unfinished output is not kept"]
                return cls("stopped", error.exit_code, "; ".join([f"{error.reason} before the end", *notes]))
            case SystemExit() | BrokenPipeError():
                # click exits with 1 when it meets a broken pipe.
                return cls("failed", InputOutputError.exit_code, "stdout was closed before everything was written")
            case SentimentBatchError():
                return cls("failed", error.exit_code, "; ".join([str(error), *_notes(error)]))
            case OSError():
                message = f"{error.filename or 'input or output'}: {error.strerror or error}"
                return cls("failed", InputOutputError.exit_code, message)
            case MemoryError():
                problem = "not enough memory: lower --threads, or provide more memory"
            case _:
                problem = f"unexpected {type(error).__name__}: {error} (run again with -v for details)"
        return cls("failed", SentimentBatchError.exit_code, "; ".join([problem, *_notes(error)]))


def _notes(error: BaseException) -> Sequence[str]:
    """What has been added to an error on its way up."""
    return getattr(error, "__notes__", [])
