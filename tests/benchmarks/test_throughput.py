"""All contenders on a tiny model, in real processes."""

import json
import math
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders.roster import CONTENDERS

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT.parent / "shared" / "lab" / "lab.py"

Bench = Callable[..., dict[str, Any]]

# The least share of labels that must equal those of the float model. What other projects' int8 does to random weights
# is their business, but a contender given wrong texts, or texts in the wrong order, agrees only by chance.
AGREEMENT = {
    name: 0.98 if "float32" in name else 0.9 if name.startswith("sentiment-batch") else 0.6 for name in CONTENDERS
}

ON_CUDA = {name for name in CONTENDERS if name.endswith("-cuda")}

STUB = """
import pyarrow.parquet as pq, numpy as np
def build(checkpoint, graph, kind):
    assert kind == "row"
    open(graph, "x").close()
def bench(graph, tokenizer, file, column, budget, threads):
    open(graph).close()
    rows = pq.read_table(file)[column].to_pylist()
    print("chatter")
    return np.eye(5, dtype=np.float32)[[(i + len(row)) % 5 for i, row in enumerate(rows)]]
"""


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, bench: Bench
) -> tuple[dict[str, Any], Path]:
    """The figures of every contender on short texts, with a stub in place of lab.py, and the folder of pictures."""
    folder = tmp_path_factory.mktemp("throughput")
    (folder / "lab.py").write_text(STUB, "utf-8")
    lines = [f"the film number {i} was {'not ' * (i % 7)}{'good' if i % 3 else 'bad'}" for i in range(120)]
    (folder / "short.csv").write_text("\n".join(["text", *lines]), "utf-8")
    options = (f"--short={folder / 'short.csv'}", f"--lab={folder / 'lab.py'}", f"--pictures={folder}")
    return bench(
        "throughput", f"--checkpoint={tiny_checkpoint}", "--workload=short", "--single-texts=4", *options
    ), folder


def test_every_contender_runs(measured: tuple[dict[str, Any], Path]) -> None:
    """Every contender is measured in every layout; only those that need a GPU are left out where there is none."""
    facts, _ = measured
    assert facts["left_out"].keys() == (set() if facts["machine"]["gpus"] else ON_CUDA)
    entered = [(outcome["contender"], tuple(outcome["layout"].values())) for outcome in facts["outcomes"]]
    expected = [
        (name, (layout.runners, layout.threads, layout.batch_size))
        for name, contender in CONTENDERS.items()
        if name not in facts["left_out"]
        for layout in contender.layouts(facts["threads"])
    ]
    assert entered == expected


def test_every_contender_agrees_with_float(measured: tuple[dict[str, Any], Path]) -> None:
    """Contenders agree with the float model, as all classify the same texts; the stub, which does not, disagrees."""
    agreements = {outcome["contender"]: outcome["agreement"] for outcome in measured[0]["outcomes"]}
    assert agreements.pop("lab") < 0.5
    assert {name: share for name, share in agreements.items() if share < AGREEMENT[name]} == {}


def test_facts(measured: tuple[dict[str, Any], Path]) -> None:
    """The JSON holds the machine, the versions, and every figure with its range."""
    facts, _ = measured
    assert {"processor", "flags", "usable_cores", "versions"} <= facts["machine"].keys()
    assert facts["machine"]["versions"]["ctranslate2"]
    assert facts["threads"] >= 1
    assert [(workload["name"], workload["rows"]) for workload in facts["workloads"]] == [("short", 120)]
    for outcome in facts["outcomes"]:
        for name in ("rows_per_second", "load_seconds", "first_result_seconds", "peak_rss_bytes"):
            assert 0 < outcome[name]["low"] <= outcome[name]["median"] <= outcome[name]["high"] < math.inf
        percentiles = [outcome["latencies"][percent]["median"] for percent in ("50", "95", "99")]
        assert 0 < percentiles[0] <= percentiles[1] <= percentiles[2]
        assert 0 <= outcome["padding"] < 1


def test_padding(measured: tuple[dict[str, Any], Path]) -> None:
    """Batches in file order pad most; batches sorted by length pad little, and single texts not at all."""
    padding = {
        (outcome["contender"], outcome["layout"]["batch_size"]): outcome["padding"]
        for outcome in measured[0]["outcomes"]
    }
    assert padding["pipeline-float32", 1] == padding["sentiment-batch-per-row", None] == 0
    assert padding["pipeline-float32", 32] > padding["onnxruntime-int8", None] > 0


def test_limit_and_comparisons(measured: tuple[dict[str, Any], Path]) -> None:
    """The limit is positive and the fraction of it finite; ratios follow from the medians."""
    facts, _ = measured
    assert facts["limit"]["operations_per_second"]["low"] > 0
    assert 0 < facts["limit"]["fractions"]["short"] < math.inf
    ours, theirs = (
        max(outcome["rows_per_second"]["median"] for outcome in facts["outcomes"] if outcome["contender"] == name)
        for name in ("sentiment-batch-per-row", "lab")
    )
    (lab,) = [c for c in facts["comparisons"] if c["against"] == "lab"]
    assert lab["ratio"] == pytest.approx(ours / theirs)


def test_pictures(measured: tuple[dict[str, Any], Path]) -> None:
    """A PNG picture is written for the workload."""
    assert (measured[1] / "throughput-short.png").read_bytes().startswith(b"\x89PNG")


def test_lab_itself(bench: Bench, tiny_checkpoint: Path, data_folder: Path) -> None:
    """The real lab.py runs and agrees with the float model."""
    if not LAB.is_file():
        pytest.skip("no ../shared/lab/lab.py")
    names = ("--contender=onnxruntime-float32", "--contender=lab", "--workload=short", f"--lab={LAB}")
    facts = bench("throughput", f"--checkpoint={tiny_checkpoint}", f"--data-folder={data_folder}", *names)
    assert facts["left_out"] == {}
    assert facts["outcomes"][-1]["contender"] == "lab"
    assert facts["outcomes"][-1]["agreement"] >= 0.9


def test_who_cannot_run_is_left_out(tiny_checkpoint: Path, data_folder: Path, tmp_path: Path) -> None:
    """A missing package, a missing program and a failure are reported with their reason; the others are measured."""
    python = environment_without("ctranslate2", tmp_path / "environment")
    (tmp_path / "lab.py").write_text("def build(*words):\n    raise ValueError('cannot build')\n", "utf-8")
    facts = throughput_with(python, tmp_path, tiny_checkpoint, data_folder)
    broken = throughput_with(python, tmp_path, tiny_checkpoint, data_folder, f"--lab={tmp_path / 'lab.py'}")
    assert facts["left_out"] == {
        "ctranslate2": "not installed: ctranslate2",
        "lab": "a program of its own: name it with --lab",
    }
    assert facts["machine"]["versions"]["ctranslate2"] == "not installed"
    assert broken["left_out"]["lab"] == "ValueError: cannot build"
    assert {outcome["contender"] for outcome in facts["outcomes"]} == {"onnxruntime-float32"}


def environment_without(package: str, folder: Path) -> Path:
    """Create a virtual environment with everything in this one except a package; return its interpreter."""
    venv.create(folder, symlinks=True)
    installed = Path(os.__file__).parent / "site-packages"
    here = Path(sys.prefix, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")
    there = folder / here.relative_to(sys.prefix)
    for entry in (here if here.is_dir() else installed).iterdir():
        if not entry.name.lower().startswith(package) and not (there / entry.name).exists():
            (there / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def throughput_with(python: Path, folder: Path, checkpoint: Path, data_folder: Path, *more: str) -> Mapping[str, Any]:
    output = folder / "figures.json"
    names = [f"--contender={name}" for name in ("onnxruntime-float32", "ctranslate2", "lab")]
    models = (f"--checkpoint={checkpoint}", f"--data-folder={data_folder}")
    options = (*names, *models, "--workload=short", "--rows=8", "--repeat=1", f"--json={output}", *more)
    done = subprocess.run(
        [python, "-m", "benchmarks", "throughput", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "not measured" in done.stdout
    return dict(json.loads(output.read_text("utf-8")))
