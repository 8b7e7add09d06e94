"""Measure the scorer's own rate on a file, with everything tokenized before and nothing written after.

It is the upper limit of what `sentiment-batch score` can reach on that file. Prints one line of JSON.
"""

import json
import time
from concurrent.futures import Future
from pathlib import Path

import click

from sentiment_batch.encoding import Encoded
from sentiment_batch.hardware import peak_rss_bytes
from sentiment_batch.locations import Location
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device
from sentiment_batch.sources import SourceOptions, open_source, without_rejects

_WARM_UP_ROWS = 64


@click.command()
@click.argument("file")
@click.option("--bundle", type=click.Path(path_type=Path))
def main(file: str, bundle: Path | None) -> None:
    source = open_source(Location.parse(file), SourceOptions())
    chunks = [chunk.texts for chunk in without_rejects(source)]
    source.close()
    with Scorer.load(bundle, ScoringOptions(Device.CPU)) as scorer:
        scorer.score(chunks[0][:_WARM_UP_ROWS])
        # The steps of `Scorer.stream` one by one, because the first of them is not to be timed.
        encoded = [Encoded.of(texts, scorer._tokenizer) for texts in chunks]
        started = time.perf_counter()
        running = [scorer._start(chunk) for chunk in encoded]
        for chunk, batches, logits in running:
            scorer._finish(chunk, batches, map(Future.result, logits))
        seconds = time.perf_counter() - started
    rows = sum(map(len, chunks))
    figures = {"rows": rows, "rows_per_second": rows / seconds, "peak_rss_bytes": peak_rss_bytes()}
    click.echo(json.dumps(figures))


if __name__ == "__main__":
    main()
