"""Options that several commands share."""

import csv
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sentiment_batch.cli.messages import speak_json, speaks_json
from sentiment_batch.hardware import require_address_space, usable_cores

Command = TypeVar("Command", bound=Callable[..., Any])


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator for several options, which help lists in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class Finite(click.FloatRange):
    """A number within bounds; NaN, which is beyond none, is not one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a number.", param, ctx)


class Filled(click.Option):
    """An option whose value is not empty, as that of an unset shell variable is."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        if value == "":
            raise click.BadParameter("the value is empty: is a shell variable unset?", ctx, self)
        return super().type_cast_value(ctx, value)


def _number_or_auto(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not re.fullmatch("0*[1-9][0-9]{0,8}", value):
        raise click.BadParameter(f"{value!r} is neither a whole number above 0 nor auto")
    return int(value)


def utf8(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse what is to be found or written in text, but is none."""
    if value is not None and value.encode("utf-8", "replace").decode("utf-8") != value:
        raise click.BadParameter(f"{value!r} is not UTF-8")
    return value


def column_names(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Those in a line of CSV: a name with a comma in it is in double quotes."""
    if value is None:
        return None
    try:
        [names] = csv.reader([value], strict=True)
    except (csv.Error, ValueError) as error:
        raise click.BadParameter(f"{value!r} is not a line of CSV") from error
    return tuple(names)


DEVICES = ["auto", "cpu", "cuda"]
LONG_TEXTS = ["head", "head-tail", "windows"]


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.obj["verbose"] = value


verbose_option = click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, callback=_remember, help="Show the traceback of an error."
)


def _quiet(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    if value and speaks_json():
        speak_json(quiet=True)
    return value


quiet_option = click.option("-q", "--quiet", is_flag=True, callback=_quiet, help="Print only warnings and errors.")


def _log_format(context: click.Context, parameter: click.Parameter, value: str) -> None:
    if value == "json":
        speak_json(quiet=False)


log_format_option = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    expose_value=False,
    is_eager=True,  # what is wrong with the other options is told in it
    callback=_log_format,
    help="Format of stderr: lines of text, or one JSON object per event.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
model_option = click.option(
    "--model",
    cls=Filled,
    type=click.Path(path_type=Path),
    help="Folder of a bundle or ONNX model.  [default: the embedded model]",
)
text_column_option = click.option(
    "--text-column", help="Column with the texts.  [default: text, or the only known name, such as review or Phrase]"
)


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d+):([0-5]\d):([0-5]\d)", value)
    if not found:
        raise click.BadParameter(f"{value!r} is not a time like 02:00:00")
    hours, minutes, seconds = map(int, found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


deadline_option = click.option(
    "--deadline", metavar="HH:MM:SS", callback=_seconds, help="Stop after this time, with exit code 75."
)


def _threads(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    threads = _number_or_auto(context, parameter, value)
    require_address_space(threads or usable_cores().count)
    return threads


threads_option = click.option(
    "--threads",
    metavar="N|auto",
    default="auto",
    show_default=True,
    # Before anything is loaded that would abort.
    callback=_threads,
    help="Threads to compute on; auto: usable cores, or 2 on CUDA.",
)
restart_option = click.option(
    "--restart", is_flag=True, help="Discard what an unfinished run has done, and start over."
)
max_reject_rate_option = click.option(
    "--max-reject-rate",
    type=Finite(0, 1),
    default=0.0,
    show_default=True,
    help="Share of records that may be rejected.",
)


# The options of `sentiment_batch.scoring.ScoringOptions`, by the same names and values.
scoring_options = together(
    click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        help="Where to compute; auto uses CUDA if it works.",
    ),
    threads_option,
    click.option(
        "--batch-tokens",
        metavar="N|auto",
        callback=_number_or_auto,
        default="auto",
        show_default=True,
        help="Tokens per batch, at most; auto: 384, or 65536 on CUDA.",
    ),
    click.option("--max-tokens", type=click.IntRange(min=3), help="Tokens read per text.  [default: the model's]"),
    click.option(
        "--long-text",
        type=click.Choice(LONG_TEXTS),
        default="head-tail",
        show_default=True,
        help="Which part to read of a text with too many tokens.",
    ),
)


# The options of `sentiment_batch.sources.Dialect`, by the same names.
dialect_options = together(
    click.option(
        "--delimiter",
        callback=utf8,
        help="Character between fields, or tab.  [default: comma in CSV, tab in TSV]",
    ),
    click.option(
        "--quote", default='"', show_default=True, callback=utf8, help="Quote character of CSV and TSV input, or none."
    ),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of CSV and TSV input."),
    click.option(
        "--max-field-bytes",
        type=click.IntRange(1, 100 * 2**20),
        default=16 * 2**20,
        show_default=True,
        help="Reject longer CSV fields, JSON lines and Parquet texts.",
    ),
)


def build_source_options(
    text_column: str | None,
    columns: tuple[str, ...] | None,
    delimiter: str | None,
    quote: str,
    encoding: str,
    max_field_bytes: int,
) -> Any:
    from sentiment_batch.sources import Dialect, SourceOptions

    dialect = Dialect(
        "\t" if delimiter in ("tab", r"\t") else delimiter,
        None if quote == "none" else quote,
        encoding,
        max_field_bytes,
    )
    return SourceOptions(text_column, columns, dialect=dialect)


def show_progress(quiet: bool) -> bool:
    return not quiet and not speaks_json() and sys.stderr.isatty()
