"""Measure how `sentiment-batch score` scales with the number of cores, and with the rows of its file."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.endtoend import score_file
from benchmarks.machine import describe
from benchmarks.pictures import draw_scaling
from benchmarks.process import Finished, in_subprocess, report_progress
from benchmarks.report import Report, Spread, table
from benchmarks.standin import write_standin
from benchmarks.tables import write_numbered_table, write_table
from sentiment_batch.hardware import usable_cores

TARGET = 0.05

# A small file is scored repeatedly to average out the variation of the startup time, which is as large as the time for
# its rows.
_ROWS_PER_TURN = 20_000


def scaling(
    texts: Sequence[str], sizes: Sequence[int], bundle: Path | None, repeat: int, pictures: Path | None
) -> Report:
    """Measure the rate by cores and the cost of a row by file size, `repeat` times, taking turns.

    `texts` are scored with `bundle` (None: the embedded model) on 1, 2, 4 … cores, files of `sizes` rows with the
    stand-in model on all cores. The startup time, that of a single row, is always subtracted.
    """
    machine = describe()
    cores = _doubling(usable_cores().count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        standin, whole, one_row = folder / "standin", folder / "texts.parquet", folder / "one-row.parquet"
        in_subprocess(write_standin, standin, texts)
        in_subprocess(write_table, whole, texts)
        in_subprocess(write_table, one_row, texts[:1])
        for rows in sizes:
            in_subprocess(write_numbered_table, folder / f"{rows}.parquet", texts, rows)
        by_cores: dict[int, list[float]] = {count: [] for count in cores}
        by_rows: dict[int, list[tuple[float, float]]] = {rows: [] for rows in sizes}
        for turn in range(repeat):
            for count in cores:
                start = score_file(bundle, one_row, 1, count)
                finished = score_file(bundle, whole, len(texts), count)
                by_cores[count].append((len(texts) - 1) / (finished.seconds - start.seconds))
                report_progress(f"{turn + 1}/{repeat} {count} cores: {by_cores[count][-1]:,.0f} rows/s")
            for rows in sizes:
                pairs = [
                    (score_file(standin, one_row, 1), score_file(standin, folder / f"{rows}.parquet", rows))
                    for _ in range(max(1, _ROWS_PER_TURN // rows))
                ]
                by_rows[rows].append(_cost(pairs, rows))
                report_progress(
                    f"{turn + 1}/{repeat} {rows:,} rows: {by_rows[rows][-1][1] * 1e6:.1f} µs of processor time a row"
                )
    rates = {count: Spread.of(values) for count, values in by_cores.items()}
    seconds = {rows: Spread.of(wall for wall, _ in values) for rows, values in by_rows.items()}
    costs = {rows: Spread.of(cpu for _, cpu in values) for rows, values in by_rows.items()}
    medians = [cost.median for cost in costs.values()]
    flatness = max(medians) / min(medians) - 1
    if pictures is not None:
        in_subprocess(draw_scaling, rates, costs, pictures / "scaling.png")
    one = rates[cores[0]].median
    sections = [
        machine.markdown(),
        f"{len(texts):,} distinct snippets:",
        table(
            ("cores", "rows/s", "times one core"),
            [(str(count), rate.show(), f"{rate.median / one:.2f}") for count, rate in rates.items()],
        ),
        "The stand-in model on all cores, a row:",
        table(
            ("rows", "microseconds", "microseconds of processor time"),
            [(f"{rows:,}", seconds[rows].show(1, 1e-6), cost.show(1, 1e-6)) for rows, cost in costs.items()],
        ),
        table(
            ("", "measured", "target"),
            [("the dearest row's processor time over the cheapest's", f"+{flatness:.1%}", f"≤ +{TARGET:.0%}")],
        ),
    ]
    facts = {
        "machine": asdict(machine),
        "rows": len(texts),
        "rows_per_second_by_cores": {count: asdict(rate) for count, rate in rates.items()},
        "seconds_per_row": {rows: asdict(spread) for rows, spread in seconds.items()},
        "cpu_seconds_per_row": {rows: asdict(cost) for rows, cost in costs.items()},
        "flatness": flatness,
    }
    return Report("\n\n".join(sections), facts)


def _doubling(most: int) -> list[int]:
    """Return 1, 2, 4 … and `most`."""
    return [*(2**power for power in range((most - 1).bit_length())), most]


def _cost(pairs: Sequence[tuple[Finished, Finished]], rows: int) -> tuple[float, float]:
    """Return wall and CPU seconds per row: the mean over all runs, each less the startup, a run of one row."""
    more = len(pairs) * (rows - 1)
    seconds = sum(finished.seconds - start.seconds for start, finished in pairs)
    cpu_seconds = sum(finished.cpu_seconds - start.cpu_seconds for start, finished in pairs)
    return seconds / more, cpu_seconds / more
