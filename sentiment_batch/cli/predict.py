"""`sentiment-batch predict`."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sentiment_batch.cli.options import json_option, model_option, scoring_options, verbose_option


@click.command(short_help="Score texts given on the command line.")
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@json_option
@model_option
@scoring_options
@verbose_option
def predict(texts: tuple[str, ...], as_json: bool, model: Path | None, **scoring: Any) -> None:
    """Print the sentiment of each TEXT: label, confidence, text. `-` reads texts from stdin, one per line.

    \b
    Examples:
      sentiment-batch predict "I had an awesome day!"
      sentiment-batch predict --json "not bad at all" "never again"
      head -5 reviews.txt | sentiment-batch predict -
    """
    from sentiment_batch.scoring import Scorer, ScoringOptions

    if texts == ("-",):
        from sentiment_batch.sources.files import reading

        with reading("stdin"):
            texts = tuple(line.rstrip("\r\n") for line in io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", newline="\n"))
    options = ScoringOptions(**scoring)
    if len(texts) == 1:
        options = replace(options, threads_per_run=None)
    with Scorer.load(model, options) as scorer:
        scores = scorer.score(texts)
        labels = scorer.bundle.labels
    for text, probabilities, error in zip(texts, scores.probabilities, scores.errors, strict=True):
        best = int(probabilities.argmax())
        if as_json:
            shares = {label: float(str(share)) for label, share in zip(labels, probabilities, strict=True)}
            click.echo(
                json.dumps(
                    {
                        "text": text,
                        "sentiment": None if error else labels[best],
                        "confidence": None if error else shares[labels[best]],
                        "probabilities": None if error else shares,
                        "error": error,
                    },
                    ensure_ascii=False,
                )
            )
        else:
            outcome = f"({error})" if error else f"{labels[best]}\t{probabilities[best]:.3f}"
            click.echo(f"{outcome}\t{' '.join(text.split())}")
