"""One contender on one workload in a process of its own; prints its figures as one line of JSON."""

import json
import time
from pathlib import Path

import click

from benchmarks.contenders import Setting
from benchmarks.contenders.roster import CONTENDERS
from benchmarks.process import own_peak_rss_bytes

_WARM_UP_ROWS = 32


@click.command()
@click.argument("contender", type=click.Choice(list(CONTENDERS)))
@click.option("--batch-size", type=int)
@click.option("--texts", type=click.Path(path_type=Path), required=True, help="JSON list of strings.")
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True)
@click.option("--bundle", type=click.Path(path_type=Path), required=True)
@click.option("--threads", type=int, required=True)
@click.option("--max-tokens", type=int, required=True)
def main(
    contender: str, batch_size: int | None, texts: Path, checkpoint: Path, bundle: Path, threads: int, max_tokens: int
) -> None:
    rows: list[str] = json.loads(texts.read_text("utf-8"))
    started = time.perf_counter()
    classify = CONTENDERS[contender].load(Setting(checkpoint, bundle, threads, max_tokens), batch_size)
    loaded = time.perf_counter()
    classify(rows[:_WARM_UP_ROWS])
    warm = time.perf_counter()
    labels = classify(rows)
    done = time.perf_counter()
    figures = {
        "load_seconds": loaded - started,
        "seconds": done - warm,
        "rows_per_second": len(rows) / (done - warm),
        "peak_rss_bytes": own_peak_rss_bytes(),
        "labels": labels,
    }
    click.echo(json.dumps(figures))


if __name__ == "__main__":
    main()
