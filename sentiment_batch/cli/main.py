"""The entry point, and the one place where errors become a line on stderr and an exit code."""

import logging
import os
import sys
import traceback
from contextlib import suppress
from importlib.metadata import version
from itertools import pairwise
from typing import Any, NoReturn

import click

from sentiment_batch.cli.evaluate import evaluate
from sentiment_batch.cli.export import export
from sentiment_batch.cli.fetch import fetch
from sentiment_batch.cli.info import info
from sentiment_batch.cli.messages import announce, printable, speak_json, speaks_json
from sentiment_batch.cli.outcome import Outcome
from sentiment_batch.cli.predict import predict
from sentiment_batch.cli.report import report
from sentiment_batch.cli.retry_rejects import retry_rejects
from sentiment_batch.cli.score import score
from sentiment_batch.cli.stopping import Stopped, stop_on_signals
from sentiment_batch.cli.streams import open_missing_streams, wait_for_streams
from sentiment_batch.cli.submit import submit
from sentiment_batch.cli.train import train
from sentiment_batch.cli.verify import verify

_EXIT_CODES = """
\b
Exit codes:
  0  done                          73  cannot write the output
  1  failure                       74  reading or writing failed
  2  wrong usage                   75  busy, or out of time: try again
  3  done, with tolerated rejects  78  model, provider, installation, token;
  65 bad data, rejects, a shift        or changed since the run began
  66 no such input                 130, 143  stopped by Ctrl-C, by SIGTERM
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXIT_CODES,
    commands=[score, retry_rejects, verify, report, predict, fetch, train, evaluate, export, submit, info],
)
@click.version_option(version("sentiment-batch"), "--version", prog_name="sentiment-batch")
def cli() -> None:
    """Score reviews in bulk: read a file, write the same file with sentiment columns added.

    \b
    Examples:
      sentiment-batch score reviews.parquet
      sentiment-batch score reviews.csv -o scored.parquet --probabilities
      sentiment-batch predict "I had an awesome day!"
      sentiment-batch export --checkpoint checkpoint/ --quantize -o bundle/
    """


def main() -> NoReturn:
    open_missing_streams()
    wait_for_streams()
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
    except (Exception, Stopped, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:  # shell completion has been answered
            return 0
        return _complain(error, verbose=settings["verbose"])
    return exit_code or 0


def _complain(error: BaseException, *, verbose: bool) -> int:
    """Say what has ended the command; returns the exit code."""
    outcome = Outcome.of(error)
    facts: dict[str, Any] = {"exit_code": outcome.exit_code, "message": outcome.message}
    if isinstance(error, click.ClickException):
        if "--log-format=json" in sys.argv or ("--log-format", "json") in pairwise(sys.argv):
            speak_json(quiet=True)  # also where the other options were not understood
        else:
            if not isinstance(error, click.exceptions.NoArgsIsHelpError):
                error.message = printable(error.message)  # type: ignore[misc]  # final to type checkers alone
            with suppress(OSError):
                error.show()
            return outcome.exit_code
    elif verbose and isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
        facts["traceback"] = traceback.format_exc()
        if not speaks_json():
            with suppress(OSError):
                traceback.print_exc()
    announce(outcome.event, f"Error: {outcome.message}", level=logging.ERROR, **facts)
    return outcome.exit_code
