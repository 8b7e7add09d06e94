"""Compare the whole `sentiment-batch score` process on a Parquet file with the scorer's own rate on the same rows."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.process import BenchmarkError, Finished, in_subprocess, module, report_progress, run, sentiment_batch
from benchmarks.report import MEGABYTE, Report, Spread, table
from benchmarks.tables import write_table

TARGET = 0.90
SAFETY_TARGET = 0.03
LAB_TARGET = 1.10


@dataclass(frozen=True)
class Shares:
    """The command's rate as a fraction of the scorer's own; `without_start` leaves out the time for a single row."""

    whole: float
    without_start: float

    @classmethod
    def of(cls, rows: int, whole_seconds: float, start_seconds: float, own_rate: float) -> "Shares":
        return cls(rows / whole_seconds / own_rate, rows / (whole_seconds - start_seconds) / own_rate)


def score_file(
    bundle: Path | None, file: Path, rows: int, cores: int | None = None, options: Sequence[str] = ()
) -> Finished:
    """Score a file of `rows` rows into one beside it, on `cores` cores; raises BenchmarkError unless all are scored."""
    model = () if bundle is None else ("--model", bundle)
    output = file.with_suffix(".scored.parquet")
    command = ("score", file, "-o", output, "--device", "cpu", "--json", "--quiet", *model, *options)
    finished = run(sentiment_batch(*command), cores)
    output.unlink()
    scored = finished.json()["rows_scored"]
    if scored != rows:
        raise BenchmarkError(f"{scored:,} of {rows:,} rows were scored")
    return finished


def stream_file(bundle: Path | None, file: Path) -> Finished:
    """Score a file to standard output, where nothing is committed, hashed or synced."""
    model = () if bundle is None else ("--model", bundle)
    command = sentiment_batch("score", file, "-o", "-", "--device", "cpu", "--quiet", *model)
    return run(["sh", "-c", 'out="$1"; shift; exec "$@" > "$out"', "sh", file.with_suffix(".streamed"), *command])


@dataclass(frozen=True)
class Lab:
    """An external program, and the checkpoint that it builds a graph of; see `contenders.lab`."""

    program: Path
    checkpoint: Path

    def build(self, graph: Path) -> None:
        run([sys.executable, self.program, "build", self.checkpoint, graph, "row"])

    def score_file(self, graph: Path, file: Path) -> Finished:
        return run([sys.executable, self.program, "bench", graph, self.checkpoint / "tokenizer.json", file])


def end_to_end(texts: Sequence[str], bundle: Path | None, lab: Lab | None, repeat: int) -> Report:
    """Time the command (with and without commits), the scorer alone and any `lab`, `repeat` times, taking turns."""
    machine = describe()
    rows = len(texts)
    model = () if bundle is None else ("--bundle", bundle)
    whole: list[Finished] = []
    streamed: list[Finished] = []
    start: list[Finished] = []
    own: list[dict[str, Any]] = []
    labs: list[Finished] = []
    with tempfile.TemporaryDirectory() as name:
        file, one_row = Path(name, "texts.parquet"), Path(name, "one-row.parquet")
        in_subprocess(write_table, file, texts)
        in_subprocess(write_table, one_row, texts[:1])
        graph = Path(name, "lab.onnx")
        if lab is not None:
            lab.build(graph)
        for turn in range(repeat):
            whole.append(score_file(bundle, file, rows))
            streamed.append(stream_file(bundle, file))
            start.append(score_file(bundle, one_row, 1))
            own.append(run(module("benchmarks.own_rate", file, *model)).json())
            if lab is not None:
                labs.append(lab.score_file(graph, file))
            report_progress(
                f"{turn + 1}/{repeat}: whole command {rows / whole[-1].seconds:,.0f} rows/s, "
                f"scorer alone {own[-1]['rows_per_second']:,.0f} rows/s"
            )
    whole_seconds = Spread.of(finished.seconds for finished in whole)
    streamed_seconds = Spread.of(finished.seconds for finished in streamed)
    start_seconds = Spread.of(finished.seconds for finished in start)
    whole_rate = Spread.of(rows / finished.seconds for finished in whole)
    own_rate = Spread.of(run["rows_per_second"] for run in own)
    whole_memory = Spread.of(finished.peak_rss_bytes for finished in whole)
    own_memory = Spread.of(run["peak_rss_bytes"] for run in own)
    safety = 1 - streamed_seconds.median / whole_seconds.median
    shares = Shares.of(rows, whole_seconds.median, start_seconds.median, own_rate.median)
    measured = [
        ("`score`, whole process", whole_rate.show(), whole_seconds.show(2), whole_memory.show(0, MEGABYTE)),
        ("`score` to stdout: no commits, no receipt", "", streamed_seconds.show(2), ""),
        ("`score` of one row: its start", "", start_seconds.show(2), ""),
        ("scorer alone, texts tokenized before", own_rate.show(), "", own_memory.show(0, MEGABYTE)),
    ]
    concluded = [
        ("share of the scorer's own rate, whole process", f"{shares.whole:.3f}", f"≥ {TARGET:.2f}"),
        ("… without its start", f"{shares.without_start:.3f}", ""),
        ("what commits and receipt take of the time", f"{safety:.3f}", f"≤ {SAFETY_TARGET:.2f}"),
    ]
    facts = {
        "machine": asdict(machine),
        "rows": rows,
        "whole_seconds": asdict(whole_seconds),
        "streamed_seconds": asdict(streamed_seconds),
        "start_seconds": asdict(start_seconds),
        "own_rows_per_second": asdict(own_rate),
        "peak_rss_bytes": {"whole": asdict(whole_memory), "scorer_alone": asdict(own_memory)},
        "shares": asdict(shares),
        "safety": safety,
    }
    if labs:
        lab_seconds = Spread.of(finished.seconds for finished in labs)
        lab_memory = Spread.of(finished.peak_rss_bytes for finished in labs)
        lab_rate = Spread.of(rows / finished.seconds for finished in labs)
        ratio = lab_seconds.median / whole_seconds.median
        measured.append(("lab.py", lab_rate.show(), lab_seconds.show(2), lab_memory.show(0, MEGABYTE)))
        concluded.append(("whole process against that of lab.py", f"{ratio:.2f} ×", f"≥ {LAB_TARGET:.2f} ×"))
        facts["lab"] = {"seconds": asdict(lab_seconds), "ratio": ratio}
    figures = table(("what", "rows/s", "seconds", "peak RSS, MB"), measured)
    conclusion = table(("", "measured", "target"), concluded)
    return Report("\n\n".join((machine.markdown(), f"{rows:,} distinct snippets.", figures, conclusion)), facts)
