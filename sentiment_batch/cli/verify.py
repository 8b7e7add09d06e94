"""`sentiment-batch verify`."""

import json

import click

from sentiment_batch.cli.messages import say
from sentiment_batch.cli.options import json_option, quiet_option, verbose_option


@click.command(short_help="Check a finished output against its receipt.")
@click.argument("output")
@click.option("--rescore", type=click.IntRange(min=0), default=0, metavar="N", help="Score N random rows again.")
@json_option
@quiet_option
@verbose_option
def verify(output: str, rescore: int, as_json: bool, quiet: bool) -> None:
    """Check OUTPUT against its receipt: hashes, counts and columns.

    \b
    Examples:
      sentiment-batch verify reviews.scored.parquet
      sentiment-batch verify reviews.scored.parquet --rescore 100

    --rescore needs the unchanged inputs and model, and compares predictions to the last bit. It
    refuses outputs scored on CUDA, or with a graph that quantizes whole batches: those are not that
    exact.
    """
    from sentiment_batch.locations import Location
    from sentiment_batch.output import Output
    from sentiment_batch.verify import verify as prove

    found = prove(Output.at(Location.parse(output)), rescore)
    if as_json:
        click.echo(json.dumps(found))
    if not quiet:
        say(
            "{output}: {rows_in:,} rows: {rows_scored:,} scored, {rows_unscorable:,} without text, "
            "{rows_rejected:,} rejected; {rows_rescored:,} scored anew: all as the receipt says".format_map(found)
        )
