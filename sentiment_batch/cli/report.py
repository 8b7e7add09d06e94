"""`sentiment-batch report`."""

import click

from sentiment_batch.cli.messages import notes
from sentiment_batch.cli.options import Filled, quiet_option, show_progress, verbose_option


@click.command(short_help="Turn a scored file into an HTML report.")
@click.argument("scored")
@click.option("-o", "--output", default="report.html", show_default=True, help="HTML file to write.")
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--by", metavar="COLUMN", help="Also group by this column; dates and times by day.")
@click.option(
    "--compare-to", cls=Filled, metavar="RECEIPT", help="Receipt of an earlier run: show what has shifted since."
)
@click.option("--top", type=click.IntRange(0, 1000), default=10, show_default=True, help="Reviews in each list.")
@click.option("--text-column", help="Column with the reviews.  [default: from the receipt, or the only known name]")
@click.option("--prefix", help="Prefix of the names of the added columns.  [default: from the receipt]")
@quiet_option
@verbose_option
def report(
    scored: str,
    output: str,
    force: bool,
    by: str | None,
    compare_to: str | None,
    top: int,
    text_column: str | None,
    prefix: str | None,
    quiet: bool,
) -> None:
    """Write one HTML page about SCORED, a file or folder that `score` wrote. It needs no network and runs no script.

    \b
    Examples:
      sentiment-batch report reviews.scored.parquet
      sentiment-batch report reviews.scored.parquet -o report.html --by product
      sentiment-batch report today.parquet --by reviewed_on --compare-to yesterday.parquet.receipt.json

    The page shows shares of labels, histograms of polarity, confidence and length, the most positive, most
    negative and least certain reviews, and the facts from the receipt beside SCORED, if there is one. It
    holds the text of those reviews, so share it only with people who may read them; --top 0 leaves them out.
    """
    from sentiment_batch.cli.extras import require_extra
    from sentiment_batch.cli.progress import progress_bar
    from sentiment_batch.drift import read_earlier
    from sentiment_batch.errors import NoInputError, UsageError
    from sentiment_batch.jobs import places_of, require_apart
    from sentiment_batch.locations import Location
    from sentiment_batch.output import Output
    from sentiment_batch.publishing import publishing
    from sentiment_batch.receipt import read_receipt

    require_extra("report", "jinja2")
    from sentiment_batch.report import ScoredRows, Shifts, Statistics, render

    source, target = Output.at(Location.parse(scored)), Location.parse(output)
    if target.is_standard_stream or not target.is_local:
        raise UsageError(f"{output}: a page is written to a file of this machine: name one with -o")
    earlier_receipt = Location.parse(compare_to) if compare_to else None
    require_apart([target], [*places_of(source), *([earlier_receipt] if earlier_receipt else [])])
    Output(target).require_writable(force=force)
    try:
        receipt = read_receipt(source.receipt)
    except NoInputError:
        receipt = None
    rows = ScoredRows(source, receipt, prefix=prefix, text_column=text_column, by=by)
    earlier = read_earlier(earlier_receipt) if earlier_receipt else None
    found = Statistics(top, list(receipt["distribution"]["labels"]) if receipt else [])
    with progress_bar(show_progress(quiet)) as show:
        for batch in rows.batches():
            found.add(batch)
            show(batch.num_rows, None)
    shifts = Shifts.between(earlier, found) if earlier else None
    page = render(source.location.file_name, rows, found, receipt, compare_to, shifts)
    with publishing(target) as stream:
        stream.write(page.encode("utf-8"))
    notes(quiet)(f"{output}: {found.total.rows:,} rows of {scored}")
