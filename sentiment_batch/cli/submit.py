"""`sentiment-batch submit`."""

from pathlib import Path

import click

from sentiment_batch.cli.messages import notes
from sentiment_batch.cli.options import model_option, quiet_option, verbose_option


@click.command(short_help="Turn scored phrases into a Kaggle submission.")
@click.argument("service", type=click.Choice(["kaggle"]))
@click.argument("competition")
@click.argument("scored")
@click.option("--test", required=True, help="The competition's test file.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="submission.csv",
    show_default=True,
    help="CSV file to write.",
)
@click.option("--force", is_flag=True, help="Replace an existing output.")
@model_option
@click.option("--upload", is_flag=True, help="Send the file to Kaggle.")
@click.option("-m", "--message", help="Description of the submission.  [default: sentiment-batch]")
@quiet_option
@verbose_option
def submit(
    service: str,
    competition: str,
    scored: str,
    test: str,
    output: Path,
    force: bool,
    model: Path | None,
    upload: bool,
    message: str | None,
    quiet: bool,
) -> None:
    """Write a submission for COMPETITION (PhraseId,Sentiment) from SCORED, the test file as `score` wrote it.

    \b
    Examples:
      sentiment-batch score data/test.tsv -o scored.parquet
      sentiment-batch submit kaggle sentiment-analysis-on-movie-reviews scored.parquet --test data/test.tsv
      sentiment-batch submit kaggle COMPETITION scored.parquet --test test.tsv --upload -m "default model"

    Sentiment is the rank of the label among the five of --model, from 0 for the most negative to 4. A
    phrase without a prediction, such as an empty one, is neutral (2). SCORED must hold every PhraseId of the
    test file exactly once, and no others. Nothing is sent to Kaggle without --upload.
    """
    from sentiment_batch.bundle import ModelBundle
    from sentiment_batch.cli.extras import require_extra
    from sentiment_batch.fetching.submission import write_submission
    from sentiment_batch.jobs import places_of, require_apart
    from sentiment_batch.locations import Location
    from sentiment_batch.output import Output

    if message and not upload:
        raise click.UsageError("--message goes with --upload")
    if upload:
        require_extra("kaggle", "kaggle", "six")
        from sentiment_batch.fetching import kaggle
        from sentiment_batch.fetching.kaggle_data import KaggleData

        data = KaggleData.competition(competition)
    note, target = notes(quiet), Location.parse(str(output))
    if target.is_standard_stream:
        raise click.UsageError("-: a submission is written to a file: name one with -o")
    source, wanted = Location.parse(scored), Location.parse(test)
    require_apart([target], [*places_of(Output(source)), wanted])
    Output(target).require_writable(force=force)
    counts = write_submission(source, wanted, ModelBundle.load(model), target)
    neutral = f", {counts.neutral:,} of them without a prediction: neutral (2)" if counts.neutral else ""
    note(f"{output}: {counts.rows:,} phrases{neutral}")
    if upload:
        kaggle.submit(output, data, message or "sentiment-batch", note)
        note(f"submitted: see {data.page}/submissions")
