"""The README's commands do what they promise a newcomer."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import copy_project

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
WORKER_BYTES = 500 * 10**6


def run(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a README block as bash would, with this environment's programs first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", commands], cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the README's commands read: the example reviews and some labelled ones."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    # Enough rows, and clear enough, that int8 agrees with float on what is learned from them.
    verdicts = ["a dreadful, hateful mess", "rather dull", "about a town", "quite enjoyable", "a wonderful triumph"]
    things = ["film", "book", "hotel", "phone", "meal", "song", "play", "coat"]
    for name, count in (("train.tsv", 2400), ("test.tsv", 200)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(["PhraseId", "SentenceId", "Phrase", "Sentiment"])
            writer.writerows([i, i, f"The {things[i % 8]} {i} is {verdicts[i % 5]}.", i % 5] for i in range(count))
    return folder


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.startswith("make ")])
def test_commands_of_the_readme_run(block: str, workplace: Path) -> None:
    """Each block of commands succeeds where a newcomer would run it, and shows no traceback."""
    done = run(block, workplace)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
def test_python_of_the_readme_runs(block: str, tmp_path: Path) -> None:
    """The README's library examples run and print a result."""
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "very positive" in done.stdout


def test_make_demo_installs_and_scores(tmp_path: Path) -> None:
    """`make demo` in a fresh checkout installs only the worker, under 500 MB, and scores the 200 example reviews."""
    assert "make demo\n" in BLOCKS
    copy_project(tmp_path)
    done = run("make demo", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "200 rows: 19" in done.stderr
    assert "very positive" in done.stdout
    packages = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    assert not (packages / "torch").exists()
    assert not (packages / "export").exists()
    assert sum(path.lstat().st_size for path in (tmp_path / ".venv").rglob("*")) < WORKER_BYTES


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """`.ci/run` calls the test command that the README gives."""
    assert "make test\n" in BLOCKS
    assert "exec make test\n" in (ROOT / ".ci" / "run").read_text("utf-8")
