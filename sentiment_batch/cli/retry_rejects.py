"""`sentiment-batch retry-rejects`."""

import json

import click

from sentiment_batch.cli.messages import announce
from sentiment_batch.cli.options import (
    json_option,
    log_format_option,
    max_reject_rate_option,
    quiet_option,
    restart_option,
    threads_option,
    verbose_option,
)
from sentiment_batch.cli.outcome import TOLERATED


@click.command(short_help="Score corrected records of a rejects file.")
@click.argument("output")
@max_reject_rate_option
@threads_option
@restart_option
@log_format_option
@json_option
@quiet_option
@verbose_option
def retry_rejects(
    output: str, max_reject_rate: float, threads: int | None, restart: bool, as_json: bool, quiet: bool
) -> None:
    """Score the corrected records of OUTPUT.rejects.jsonl, and append their rows to OUTPUT.

    \b
    Examples:
      sentiment-batch retry-rejects reviews.scored.parquet

    First edit the rejects file: in each line, correct `raw` to what the input should have held (or put `raw` in place
    of `raw_base64`). If a line has "shortened", put in the whole record and remove "shortened". Records that still
    cannot be read stay in the file. The inputs and the model must be where they were.
    """
    from sentiment_batch.locations import Location
    from sentiment_batch.mended_rejects import retry_rejects as retry
    from sentiment_batch.output import Output

    target = Output.at(Location.parse(output))
    tally = retry(target, threads=threads, max_reject_rate=max_reject_rate, restart=restart)
    summary = tally.record() | {"output": target.name}
    if as_json:
        click.echo(json.dumps(summary))
    if not quiet:
        announce(
            "summary",
            f"{tally.rows_in:,} records: {tally.rows_scored:,} scored, {tally.rows_unscorable:,} without text, "
            f"{tally.rows_rejected:,} rejected again",
            f"written to {target.name}",
            **summary,
        )
    if tally.rows_rejected:
        click.get_current_context().exit(TOLERATED)
