"""`sentiment-batch score`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment_batch.cli.engine import engine_options, open_scorer
from sentiment_batch.cli.messages import announce, printable, say, speaks_json, warn
from sentiment_batch.cli.options import (
    Filled,
    Finite,
    build_source_options,
    column_names,
    deadline_option,
    dialect_options,
    json_option,
    log_format_option,
    max_reject_rate_option,
    model_option,
    quiet_option,
    restart_option,
    scoring_options,
    show_progress,
    text_column_option,
    utf8,
    verbose_option,
)
from sentiment_batch.cli.outcome import TOLERATED
from sentiment_batch.cli.stopping import stop_after
from sentiment_batch.errors import BadDataError, TryAgainError
from sentiment_batch.events import listen

if TYPE_CHECKING:
    from sentiment_batch.drift import Drift
    from sentiment_batch.jobs import Job
    from sentiment_batch.worker import Plan


@click.command(short_help="Score the reviews in files.")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", help="File, folder or - for stdout.  [default: INPUT with .scored before its suffix]")
@text_column_option
@click.option(
    "--columns",
    cls=Filled,
    callback=column_names,
    help="Input columns to keep, separated by commas; one with a comma in double quotes.  [default: all]",
)
@dialect_options
@click.option("--probabilities", is_flag=True, help="Add one probability column per label.")
@click.option(
    "--guard-formulas", is_flag=True, help="Keep spreadsheets from taking a field of CSV or TSV output for a formula."
)
@click.option("--prefix", default="", callback=utf8, help="Put this before the names of the added columns.")
@model_option
@scoring_options
@engine_options
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--new-only", is_flag=True, help="Score each input not scored yet, to one output each in the folder -o.")
@click.option(
    "--settle",
    type=Finite(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="With --new-only: skip files changed in the last SECONDS.",
)
@restart_option
@deadline_option
@max_reject_rate_option
@click.option(
    "--compare-to",
    cls=Filled,
    metavar="RECEIPT",
    help="Warn if predictions have shifted since that receipt's run.",
)
@click.option(
    "--max-shift",
    type=Finite(min=0),
    metavar="X",
    help="With --compare-to: fail, after all is written, if a stability index exceeds X.",
)
@click.option(
    "--metrics-file",
    cls=Filled,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write metrics of the run to FILE, for Prometheus, whether it succeeds or fails.",
)
@click.option(
    "--openlineage-file",
    cls=Filled,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Append OpenLineage events to FILE, one JSON object per line.",
)
@click.option("--dry-run", is_flag=True, help="Check everything and print what would be done.")
@log_format_option
@json_option
@quiet_option
@verbose_option
def score(
    inputs: tuple[str, ...],
    output: str | None,
    text_column: str | None,
    columns: tuple[str, ...] | None,
    delimiter: str | None,
    quote: str,
    encoding: str,
    max_field_bytes: int,
    probabilities: bool,
    guard_formulas: bool,
    prefix: str,
    model: Path | None,
    engine: str,
    ray_address: str | None,
    force: bool,
    new_only: bool,
    settle: float,
    restart: bool,
    deadline: float | None,
    max_reject_rate: float,
    compare_to: str | None,
    max_shift: float | None,
    metrics_file: Path | None,
    openlineage_file: Path | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **scoring: Any,
) -> None:
    """Add sentiment to every row of INPUT.

    \b
    Examples:
      sentiment-batch score reviews.parquet
      sentiment-batch score reviews.csv -o scored.parquet --probabilities
      sentiment-batch score 'inbox/*.jsonl.gz' -o scored.parquet/
      sentiment-batch score inbox/ -o scored/ --new-only
      sentiment-batch score 's3://bucket/reviews/' -o 's3://bucket/scored/' --engine ray
      zcat reviews.csv.gz | sentiment-batch score - > scored.csv

    INPUT is Parquet, CSV, TSV or JSON Lines, optionally compressed (.gz, .zst): files, globs, folders,
    URIs (s3://, gs://, file://), or - for CSV or JSON Lines on stdin. The suffix of the output names
    its format. The output keeps rows, columns and their order, and adds: sentiment, confidence,
    polarity, n_tokens, truncated, sentiment_error.
    """
    from sentiment_batch.cli.metered import metered
    from sentiment_batch.cli.progress import progress_bar
    from sentiment_batch.drift import Drift, read_earlier
    from sentiment_batch.inputs import expand_inputs
    from sentiment_batch.jobs import plan_jobs, require_notes_apart
    from sentiment_batch.locations import Location
    from sentiment_batch.openlineage import OpenLineageFile
    from sentiment_batch.predictions import PredictionColumns
    from sentiment_batch.runs import Arriving, Together
    from sentiment_batch.summary import Progress, summarize
    from sentiment_batch.worker import Worker

    if max_shift is not None and not compare_to:
        raise click.UsageError("--max-shift needs an earlier run: name its receipt with --compare-to")
    notes = [Location.parse(str(path)) for path in (metrics_file, openlineage_file) if path]
    if notes:
        require_notes_apart(notes, inputs, output, compare_to, each=new_only)
    progress = Progress()
    with metered(None if dry_run else metrics_file, progress) as meter:
        found = expand_inputs(inputs, inbox=new_only)
        jobs = plan_jobs(found, None if output is None else Location.parse(output), each=new_only)
        if as_json and not all(job.is_staged for job in jobs):
            raise click.UsageError("--json and the rows cannot both go to stdout: name a file with -o")
        if openlineage_file and not dry_run:
            listen(OpenLineageFile(openlineage_file, warn))
        earlier = read_earlier(Location.parse(compare_to)) if compare_to else None
        source_options = build_source_options(text_column, columns, delimiter, quote, encoding, max_field_bytes)
        if deadline is not None:
            stop_after(deadline)
        with open_scorer(engine, ray_address, model, **scoring) as scorer:
            meter.model_sha256 = scorer.bundle.sha256
            added = PredictionColumns.of(scorer.bundle, prefix=prefix, probabilities=probabilities)
            worker = Worker(scorer, source_options, added, guard_formulas, force, restart, new_only, max_reject_rate)
            runs = Arriving(jobs, worker, settle, warn) if new_only else Together(jobs, worker)
            if dry_run:
                return _show_plans(runs.check(), as_json)
            with progress_bar(show_progress(quiet)) as progress.show:
                jobs, failures = runs.run(progress)
            summary = summarize(scorer, progress, jobs)
        if earlier and progress.tally.rows_scored:
            meter.drift = Drift.between(earlier["distribution"], summary["distribution"])
            summary["drift"] = asdict(meter.drift)
        if as_json:
            click.echo(json.dumps(summary))
        if not quiet:
            _show_summary(summary, jobs)
        if not speaks_json():  # each was told when it happened
            say(*(f"Error: {failure}" for failure in failures))
        if meter.drift:
            _judge(meter.drift, max_shift)
        if failures and (not jobs or all(isinstance(failure, TryAgainError) for failure in failures)):
            click.get_current_context().exit(failures[0].exit_code)
        if failures or progress.tally.rows_rejected:
            click.get_current_context().exit(TOLERATED)


def _show_summary(summary: dict[str, Any], jobs: "Sequence[Job]") -> None:
    names = ", ".join(printable(job.output.name) if job.is_staged else "stdout" for job in jobs)
    outputs = f"written to {names}" if jobs else "nothing written"
    announce("summary", *_SUMMARY.format_map(summary | {"outputs": outputs}).splitlines(), **summary)


def _judge(drift: "Drift", max_shift: float | None) -> None:
    """Warn of a shift; raises BadDataError for one that is larger than it may be."""
    shifted = ", ".join(f"{name} by {index:.2f}" for name, index in drift.large.items())
    largest, index = next(iter(drift.indices.items()))
    if max_shift is not None and index > max_shift:
        raise BadDataError(
            f"the predictions have shifted since the run compared to: {largest} by {index:.2f}, more than "
            f"{max_shift:g}: all is written; check whether the reviews are of another kind"
        )
    if shifted:
        warn(f"the predictions have shifted since the run compared to: {shifted}")


def _show_plans(plans: "list[Plan]", as_json: bool) -> None:
    for plan in plans:
        facts = asdict(plan)
        if as_json:
            click.echo(json.dumps(facts))
        else:
            lines = [
                f"{name}: {'not known before reading' if value is None else value}" for name, value in facts.items()
            ]
            announce("planned", *lines, **facts)


_SUMMARY = """\
{rows_in:,} rows: {rows_scored:,} scored, {rows_unscorable:,} without text, {rows_rejected:,} rejected
{seconds:.1f} s, {rows_per_second:,.0f} rows/s, {tokens:,} tokens, padding {padding_ratio:.1%}, \
{threads} threads on {device}
{outputs}"""
