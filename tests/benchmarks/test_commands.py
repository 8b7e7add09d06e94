"""The commands that measure the whole process, on a stand-in model."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from benchmarks.endtoend import Shares
from benchmarks.operators import FORMS

Bench = Callable[..., dict[str, Any]]


def test_shares() -> None:
    """Taking 10 s for what the scorer alone does in 9 s is 0.9 of its rate; start-up time can be left out."""
    shares = Shares.of(rows=900, whole_seconds=10.0, start_seconds=1.0, own_rate=100.0)
    assert shares == Shares(whole=pytest.approx(0.9), without_start=pytest.approx(1.0))


def test_end_to_end(bench: Bench, tiny_bundle: Path, data_folder: Path) -> None:
    """The whole command, its start and the scorer alone are measured, and what commits cost is a part of the whole."""
    facts = bench("endtoend", f"--bundle={tiny_bundle}", f"--data-folder={data_folder}", "--rows=100")
    assert facts["rows"] == 100
    spreads = [facts[f"{name}_seconds"] for name in ("whole", "streamed", "start")]
    spreads += [facts["own_rows_per_second"], *facts["peak_rss_bytes"].values()]
    assert all(0 < spread["low"] <= spread["median"] <= spread["high"] for spread in spreads)
    assert facts["safety"] < 1


def test_end_to_end_beside_another_program(
    bench: Bench, tiny_bundle: Path, tiny_checkpoint: Path, data_folder: Path, tmp_path: Path
) -> None:
    """The other program builds its graph once and is then timed as a whole process, too, on the graph that it built."""
    lab, calls = tmp_path / "lab.py", tmp_path / "calls"
    lab.write_text(f"import sys\nprint(*sys.argv[1:], file=open({str(calls)!r}, 'a'))\n", "utf-8")
    options = (f"--checkpoint={tiny_checkpoint}", f"--lab={lab}", f"--data-folder={data_folder}", "--rows=100")
    facts = bench("endtoend", f"--bundle={tiny_bundle}", *options, repeat=2)
    build, *benches = (call.split() for call in calls.read_text("utf-8").splitlines())
    assert (build[:2], build[3:]) == (["build", str(tiny_checkpoint)], ["row"])
    assert [call[:3] for call in benches] == [["bench", build[2], str(tiny_checkpoint / "tokenizer.json")]] * 2
    assert 0 < facts["lab"]["seconds"]["low"] <= facts["lab"]["seconds"]["high"]


def test_scaling(bench: Bench, tiny_bundle: Path, data_folder: Path, tmp_path: Path) -> None:
    """There are rates for every number of cores, costs for every number of rows, and a picture of both."""
    options = ("--sizes=2000,4000", f"--pictures={tmp_path}", f"--data-folder={data_folder}")
    facts = bench("scaling", f"--bundle={tiny_bundle}", *options)
    cores = list(facts["rows_per_second_by_cores"])
    assert (cores[0], cores[-1]) == ("1", str(facts["machine"]["usable_cores"]))
    assert list(facts["cpu_seconds_per_row"]) == list(facts["seconds_per_row"]) == ["2000", "4000"]
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_profile(bench: Bench, tiny_bundle: Path, data_folder: Path) -> None:
    """Every operator of the graph is listed with its time, and together they take less than all cores had."""
    facts = bench("profile", f"--bundle={tiny_bundle}", "--rows=20", f"--data-folder={data_folder}", repeat=None)
    graph = onnx.load(tiny_bundle / "model.onnx").graph
    assert {operator["name"] for operator in facts["operators"]} == {node.op_type for node in graph.node}
    assert all(operator["calls"] > 0 for operator in facts["operators"])
    assert 0 < sum(operator["seconds"] for operator in facts["operators"]) < facts["core_seconds"]


def test_memory(bench: Bench, tiny_bundle: Path, data_folder: Path) -> None:
    """The peak memory of a small and a large file is compared; a stand-in model made on the spot is measured too."""
    sizes = ("--rows", "50", "100", "--model-rows", "20")
    facts = bench("memory", *sizes, f"--bundle={tiny_bundle}", f"--data-folder={data_folder}")
    peaks = {size: spread["median"] for size, spread in facts["peak_rss_bytes"].items()}
    assert facts["rows"] == {"small": 50, "large": 100, "model": 20}
    assert facts["ratio"] == pytest.approx(peaks["large"] / peaks["small"])


def test_latency(bench: Bench, tiny_bundle: Path) -> None:
    """Both `predict` and `--help` are timed."""
    facts = bench("latency", f"--bundle={tiny_bundle}")
    assert {title.split()[0] for title in facts["seconds"]} == {"predict", "--help"}


def test_operators(bench: Bench) -> None:
    """Every form of every operator runs and is timed."""
    facts = bench("operators", "--tokens=8", repeat=1)
    assert {purpose: list(times) for purpose, times in facts["milliseconds"].items()} == {
        purpose: list(forms) for purpose, forms in FORMS.items()
    }
    assert all(time["low"] > 0 for times in facts["milliseconds"].values() for time in times.values())


def test_cluster(bench: Bench, tiny_bundle: Path, data_folder: Path) -> None:
    """Two nodes and two threads are timed on the same rows."""
    pytest.importorskip("ray")
    sizes = ("--rows=3000", "--standin-rows=3000")
    facts = bench("cluster", f"--bundle={tiny_bundle}", f"--data-folder={data_folder}", *sizes)
    rates = {engine: spread["median"] for engine, spread in facts["rows_per_second"].items()}
    assert rates.keys() == {"local", "ray"}
    assert facts["ratio"] == pytest.approx(rates["ray"] / rates["local"])
    assert math.isfinite(facts["fed_rows_per_second"]["median"])
