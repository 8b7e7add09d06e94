"""Peak memory of `sentiment-batch score`: it must not grow with the file."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.endtoend import score_file
from benchmarks.machine import describe
from benchmarks.process import Finished, in_subprocess, report_progress
from benchmarks.report import MEGABYTE, Report, Spread, table
from benchmarks.standin import write_standin
from benchmarks.tables import write_numbered_table

TARGET_RATIO = 1.10
TARGET_BYTES = 700e6


def memory(
    texts: Sequence[str], small_rows: int, large_rows: int, model_rows: int, bundle: Path | None, repeat: int
) -> Report:
    """Score a small and a large file with the stand-in model, and one with `bundle` (None: the embedded model)."""
    machine = describe()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        standin = folder / "standin"
        in_subprocess(write_standin, standin, texts)
        sizes = {"small": small_rows, "large": large_rows, "model": model_rows}
        for size, rows in sizes.items():
            in_subprocess(write_numbered_table, folder / f"{size}.parquet", texts, rows)
        runs: dict[str, list[Finished]] = {size: [] for size in sizes}
        for turn in range(repeat):
            for size, rows in sizes.items():
                finished = score_file(bundle if size == "model" else standin, folder / f"{size}.parquet", rows)
                runs[size].append(finished)
                report_progress(
                    f"{turn + 1}/{repeat} {size}, {rows:,} rows: {finished.peak_rss_bytes / MEGABYTE:,.0f} MB"
                )
    peaks = {size: Spread.of(finished.peak_rss_bytes for finished in runs[size]) for size in sizes}
    seconds = {size: Spread.of(finished.seconds for finished in runs[size]) for size in sizes}
    ratio = peaks["large"].median / peaks["small"].median
    figures = table(
        ("model", "rows", "peak RSS, MB", "seconds"),
        [
            (model, f"{sizes[size]:,}", peaks[size].show(0, MEGABYTE), seconds[size].show(1))
            for size, model in (("small", "stand-in"), ("large", "stand-in"), ("model", _title(bundle)))
        ],
    )
    conclusion = table(
        ("", "measured", "target"),
        [
            (f"peak for {large_rows:,} rows over {small_rows:,}", f"{ratio:.3f}", f"≤ {TARGET_RATIO:.2f}"),
            (
                f"peak with the {_title(bundle)} model, MB",
                f"{peaks['model'].median / MEGABYTE:,.0f}",
                f"< {TARGET_BYTES / MEGABYTE:,.0f}",
            ),
        ],
    )
    facts = {
        "machine": asdict(machine),
        "rows": sizes,
        "peak_rss_bytes": {size: asdict(spread) for size, spread in peaks.items()},
        "seconds": {size: asdict(spread) for size, spread in seconds.items()},
        "ratio": ratio,
    }
    return Report("\n\n".join((machine.markdown(), figures, conclusion)), facts)


def _title(bundle: Path | None) -> str:
    return "embedded" if bundle is None else "given"
