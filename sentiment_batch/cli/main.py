"""The entry point, and the one place where errors become a line on stderr and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import NoReturn

import click

from sentiment_batch.cli.evaluate import evaluate
from sentiment_batch.cli.export import export
from sentiment_batch.cli.info import info
from sentiment_batch.cli.messages import printable, say
from sentiment_batch.cli.predict import predict
from sentiment_batch.cli.score import score
from sentiment_batch.cli.stopping import Stopped, stop_on_signals
from sentiment_batch.cli.streams import open_missing_streams
from sentiment_batch.cli.train import train
from sentiment_batch.cli.verify import verify
from sentiment_batch.errors import InputOutputError, SentimentBatchError

_EXIT_CODES = """
\b
Exit codes:
  0  done                          73  cannot write the output
  1  failure                       74  reading or writing failed
  2  wrong usage                   75  busy, or out of time: try again
  3  done, with tolerated rejects  78  model, provider or installation;
  65 bad data, too many rejects        or not what a run began with
  66 no such input                 130, 143  stopped by Ctrl-C, by SIGTERM
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXIT_CODES,
    commands=[score, verify, predict, evaluate, train, export, info],
)
@click.version_option(version("sentiment-batch"), "--version", prog_name="sentiment-batch")
def cli() -> None:
    """Score reviews in bulk: a file in, the same file with sentiment columns out.

    \b
    Examples:
      sentiment-batch score reviews.parquet
      sentiment-batch score reviews.csv -o scored.parquet --probabilities
      sentiment-batch predict "I had an awesome day!"
      sentiment-batch export --checkpoint checkpoint/ --quantize -o bundle/
    """


def main() -> NoReturn:
    open_missing_streams()
    stop_on_signals()
    exit_code = _run()
    try:
        sys.stdout.flush()
    except OSError:
        # What nobody takes is dropped, or the interpreter's own flush at the end would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(exit_code)


def _run() -> int:
    settings = {"verbose": False}
    try:
        exit_code = cli.main(standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except click.ClickException as error:
        error.message = printable(error.message)  # type: ignore[misc]  # declared final, shown nowhere else
        with suppress(OSError):
            error.show()
        return error.exit_code
    except Stopped as stop:
        _complain("; ".join([f"{stop.reason} before the end", *_notes(stop, "unfinished output is not kept")]))
        return stop.exit_code
    except (SystemExit, BrokenPipeError) as error:
        if isinstance(error, SystemExit) and not error.code:  # shell completion has been answered
            return 0
        # click exits with 1 when it meets a broken pipe.
        _complain("stdout was closed before everything was written")
        return InputOutputError.exit_code
    except Exception as error:
        if settings["verbose"]:
            traceback.print_exc()
        return _report(error)
    return exit_code or 0


def _report(error: Exception) -> int:
    match error:
        case SentimentBatchError():
            _complain("; ".join([str(error), *_notes(error)]))
            return error.exit_code
        case OSError():
            _complain(f"{error.filename or 'input or output'}: {error.strerror or error}")
            return InputOutputError.exit_code
        case _:
            _complain(f"unexpected {type(error).__name__}: {error} (run again with -v for details)")
            return SentimentBatchError.exit_code


def _notes(error: BaseException, *otherwise: str) -> Sequence[str]:
    """What has been added to an error on its way up."""
    return getattr(error, "__notes__", otherwise)


def _complain(message: str) -> None:
    with suppress(OSError):
        say(f"Error: {message}")
