"""The distributions: what they contain, and that the wheel works alone."""

import csv
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from support import copy_project
from tiny_models import write_checkpoint

from sentiment_batch.bundle import ModelBundle

PROJECT = Path(__file__).resolve().parents[1]
CONSTRAINTS = PROJECT / "constraints.txt"
DEPENDENCIES = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
MEGABYTE = 2**20

pytestmark = pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="needs git to tell what belongs to the project")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips if pip reaches no package index."""
    folder = tmp_path_factory.mktemp("index")
    if _pip("download", "--no-deps", "--dest", folder, "setuptools").returncode:
        pytest.skip("no package index can be reached")


@pytest.fixture(scope="module")
def wheel(index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution beside it, that from a copy of the project's own files."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_project(folder)
    command = [sys.executable, "-m", "build", "--outdir", folder / "dist", folder]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next((folder / "dist").glob("*.whl"))


def test_contents(wheel: Path) -> None:
    """The wheel holds the packages, default model, type marker and licence, but neither tests nor benchmarks."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert sorted(top.split("-")[0] for top in tops) == ["sentiment_batch", "sentiment_batch"]
    assert all(top == "sentiment_batch" or top.endswith(".dist-info") for top in tops)
    for name in (
        "sentiment_batch/py.typed",
        "sentiment_batch/cli/main.py",
        "sentiment_batch/export/exporter.py",
        "sentiment_batch/training/finetune.py",
        "sentiment_batch/report/templates/report.html",
        "sentiment_batch/report/templates/report.css",
        "sentiment_batch/models/default/bundle.json",
        "sentiment_batch/models/default/model_quantized.onnx",
        "sentiment_batch/models/default/tokenizer.json",
        "sentiment_batch/models/default/README.md",
    ):
        assert name in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert [name for name in names if "test" in name or "benchmark" in name or name.endswith(".pyc")] == []


def test_source_distribution(wheel: Path) -> None:
    """It holds what the wheel is built from, and no part of the tests, which need the whole project."""
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as archive:
        tops = {Path(name).parts[1] for name in archive.getnames() if "/" in name}
    files = {"LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}
    assert tops == {*files, "export", "sentiment_batch", "sentiment_batch.egg-info"}


def test_every_source_file_is_in(wheel: Path) -> None:
    """No module of the two packages is forgotten."""
    sources = {f"sentiment_batch/export/{path.name}" for path in (PROJECT / "export").glob("*.py")}
    sources |= {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "sentiment_batch").rglob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        assert sources <= set(archive.namelist())


@pytest.mark.parametrize(
    "versions",
    [
        "pinned",
        pytest.param("lowest", marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="made for Python 3.11")),
    ],
)
def test_wheel_alone_scores(wheel: Path, versions: str, tmp_path: Path) -> None:
    """In a clean environment, the wheel alone scores and evaluates, in under 500 MB and without torch."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    constraints = CONSTRAINTS
    if versions == "lowest":
        constraints = tmp_path / "lowest.txt"
        constraints.write_text("\n".join(DEPENDENCIES).replace(">=", "=="), "utf-8")
    installed = _pip("install", "--constraint", constraints, wheel, python=python)
    assert installed.returncode == 0, installed.stderr
    packages = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    assert not (packages / "export").exists()
    assert not (packages / "torch").exists()
    size = sum(path.stat().st_size for path in (tmp_path / "venv").rglob("*") if path.is_file())
    assert size < 500 * MEGABYTE

    shutil.copy(PROJECT / "examples/reviews.csv", tmp_path)
    done = subprocess.run(
        [python.with_name("sentiment-batch"), "score", "reviews.csv"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    with (tmp_path / "reviews.scored.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert all(bool(row["sentiment"]) != bool(row["sentiment_error"]) for row in rows)

    done = subprocess.run([python.with_name("sentiment-batch"), "score"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Error: Missing argument 'INPUT...'.")

    evaluate = [python.with_name("sentiment-batch"), "evaluate", "--behaviour"]
    done = subprocess.run(evaluate, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert " of 200 cases as expected" in done.stdout
    done = subprocess.run([*evaluate, "-o", "report"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "Error: matplotlib is not installed: pip install 'sentiment-batch[train]'\n"
    assert not (tmp_path / "report").exists()

    fetch = [python.with_name("sentiment-batch"), "fetch", "hf:owner/name", "-o", "data"]
    done = subprocess.run(fetch, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "Error: transformers is not installed: pip install 'sentiment-batch[train]'\n"


def test_wheel_exports(wheel: Path, tmp_path: Path) -> None:
    """The wheel holds all that `export` needs besides the packages of the extra, which this environment lends."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    packages = next((tmp_path / "venv/lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    write_checkpoint(tmp_path / "checkpoint")
    done = subprocess.run(
        [python, "-m", "sentiment_batch", "export", "--quantize", "per-row", "--max-disagreement", "100"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ModelBundle.load(tmp_path / "bundle").graph.name == "model_quantized.onnx"


def _pip(*arguments: str | Path, python: str | Path = sys.executable) -> "subprocess.CompletedProcess[str]":
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
