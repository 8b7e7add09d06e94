"""Compare `sentiment-batch score` on a Ray cluster of two nodes on this machine with the same on two threads."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.endtoend import score_file
from benchmarks.machine import describe
from benchmarks.process import in_subprocess, report_progress
from benchmarks.report import Report, Spread, table
from benchmarks.standin import write_standin
from benchmarks.tables import write_numbered_table

NODES = 2
TARGET = 0.90


def cluster(texts: Sequence[str], rows: int, standin_rows: int, bundle: Path | None, repeat: int) -> Report:
    """Score `rows` rows with `bundle` (None: the embedded model) on each engine in turn, `repeat` times.

    The startup time, that of a single row, is subtracted. With the stand-in model, which costs next to nothing, the CPU
    time of the command alone shows how many rows one process can read, send out and commit.
    """
    machine = describe()
    with tempfile.TemporaryDirectory() as name, _nodes() as address:
        folder = Path(name)
        standin, whole, many, one = (folder / file for file in ("standin", "w.parquet", "m.parquet", "o.parquet"))
        in_subprocess(write_standin, standin, texts)
        for file, count in ((whole, rows), (many, standin_rows), (one, 1)):
            in_subprocess(write_numbered_table, file, texts, count)
        engines = {"local": ("--threads", str(NODES)), "ray": ("--engine", "ray", "--ray-address", address)}
        rates: dict[str, list[float]] = {engine: [] for engine in engines}
        fed: list[float] = []
        for turn in range(repeat):
            for engine, options in engines.items():
                start = score_file(bundle, one, 1, options=options)
                finished = score_file(bundle, whole, rows, options=options)
                rates[engine].append((rows - 1) / (finished.seconds - start.seconds))
            start = score_file(standin, one, 1, options=engines["ray"])
            finished = score_file(standin, many, standin_rows, options=engines["ray"])
            fed.append((standin_rows - 1) / (finished.cpu_seconds - start.cpu_seconds))
            told = ", ".join(f"{engine} {values[-1]:,.0f} rows/s" for engine, values in rates.items())
            report_progress(f"{turn + 1}/{repeat} {told}; one process feeds {fed[-1]:,.0f} rows/s")
    spreads = {engine: Spread.of(values) for engine, values in rates.items()}
    feeding = Spread.of(fed)
    ratio = spreads["ray"].median / spreads["local"].median
    figures = table(
        ("what", "rows/s"),
        [
            (f"{NODES} threads", spreads["local"].show()),
            (f"{NODES} nodes of one CPU", spreads["ray"].show()),
            ("rows that one core reads, sends out and commits, with the stand-in", feeding.show()),
        ],
    )
    conclusion = table(("", "measured", "target"), [("nodes against threads", f"{ratio:.3f}", f"≥ {TARGET:.2f}")])
    facts = {
        "machine": asdict(machine),
        "rows": rows,
        "rows_per_second": {engine: asdict(spread) for engine, spread in spreads.items()},
        "fed_rows_per_second": asdict(feeding),
        "ratio": ratio,
    }
    return Report("\n\n".join((machine.markdown(), f"{rows:,} rows.", figures, conclusion)), facts)


@contextmanager
def _nodes() -> Iterator[str]:
    """Start a cluster for the duration of the block, and yield its address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(NODES - 1):
            nodes.add_node(num_cpus=1)
        yield str(nodes.address)
    finally:
        nodes.shutdown()
