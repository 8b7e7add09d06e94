"""One exception per exit code: raised where the fault is seen, turned into one line on stderr by the CLI."""

from collections.abc import Iterator
from contextlib import contextmanager


class SentimentBatchError(Exception):
    """Something went wrong; the message is one line that says what to do."""

    exit_code = 1


class UsageError(SentimentBatchError):
    """Options or columns that do not fit together."""

    exit_code = 2


class BadDataError(SentimentBatchError):
    """The input is there but cannot be read as what it claims to be."""

    exit_code = 65


class NoInputError(SentimentBatchError):
    """The input is not there."""

    exit_code = 66


class CannotWriteError(SentimentBatchError):
    """The output cannot be created."""

    exit_code = 73


class InputOutputError(SentimentBatchError):
    """Reading or writing failed on the way."""

    exit_code = 74


class TryAgainError(SentimentBatchError):
    """Not now: another run has the output, or the time is up."""

    exit_code = 75


class CrashError(SentimentBatchError):
    """What was to score some rows died of it, as often as it was tried."""


class DivergedError(SentimentBatchError):
    """A training went to numbers that are none."""


class ConfigurationError(SentimentBatchError):
    """The model, the provider, the installation or the token for a service is not usable."""

    exit_code = 78


@contextmanager
def naming(file: object) -> Iterator[None]:
    """Put the file that a UsageError is about before its message."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def first_line(error: BaseException) -> str:
    """An error of a library as one line."""
    if isinstance(error, OSError) and error.strerror and "\n" not in error.strerror:
        return error.strerror
    return str(error).strip().split("\n")[0]
