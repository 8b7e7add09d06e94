"""The Dockerfile, as far as it can be checked without building it, and that the worker runs within its limits."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sentiment_batch.bundle import ModelBundle

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
INSTRUCTIONS = [
    line.split(maxsplit=1) for line in re.sub(r"\\\n\s*", " ", DOCKERFILE).splitlines() if line and line[0] != "#"
]
LAST_STAGE = INSTRUCTIONS[max(i for i, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]
USER = 10001
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_every_stage_is_of_the_same_pinned_python() -> None:
    """All stages are based on the Python that the project is for, on a named release of Debian."""
    bases = {content.split()[0] for name, content in INSTRUCTIONS if name == "FROM"}
    assert bases == {"python:3.11-slim-bookworm"}


def test_it_does_not_run_as_root() -> None:
    """The last stage sets the user as a number, so that a cluster can see that it is not root."""
    assert [content for name, content in LAST_STAGE if name == "USER"] == [f"{USER}:{USER}"]


def test_nothing_is_installed_in_the_last_stage() -> None:
    """The last stage installs nothing and runs the virtual environment of the first."""
    assert "RUN" not in {name for name, _ in LAST_STAGE}
    assert ["ENTRYPOINT", '["sentiment-batch"]'] in LAST_STAGE


def test_what_is_sent_to_the_builder_makes_the_wheel(tmp_path: Path) -> None:
    """.dockerignore lets through what the installation needs, the model included, and nothing else of the project."""
    rules = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert (rules[0], rules[-1]) == ("*", "**/__pycache__")
    for rule in rules[1:-1]:
        assert rule.startswith("!")
        source = ROOT / rule[1:]
        if source.is_dir():
            shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    assert "--constraint constraints.txt ." in DOCKERFILE
    assert (tmp_path / "constraints.txt").exists()
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", tmp_path / "dist", tmp_path]
    built = subprocess.run(command, capture_output=True, text=True)
    if "Could not find a version" in built.stderr:
        pytest.skip("no package index can be reached")
    assert built.returncode == 0, built.stderr
    installed = tmp_path / "installed"
    shutil.unpack_archive(next((tmp_path / "dist").glob("*.whl")), installed, "zip")
    assert (installed / "sentiment_batch/models/default" / ModelBundle.load().graph.name).exists()


@pytest.mark.skipif(not HADOLINT.exists(), reason="needs hadolint")
def test_hadolint() -> None:
    """hadolint finds nothing to report."""
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None or subprocess.run(["unshare", "-m", "true"]).returncode != 0,
    reason="needs root that may mount, and setpriv",
)
def test_read_only_and_not_root(tmp_path: Path) -> None:
    """As that user, with only the data folder writable, reviews are scored and verified."""
    shutil.copy(ROOT / "examples/reviews.csv", tmp_path)
    os.chown(tmp_path, USER, USER)
    program = shlex.quote(str(Path(sys.executable).with_name("sentiment-batch")))
    as_user = f"setpriv --reuid {USER} --regid {USER} --clear-groups env -i PYTHONDONTWRITEBYTECODE=1 {program}"
    steps = ["mount --make-rprivate /"]
    python, home = Path(sys.base_prefix), Path.home()
    if python.is_relative_to(home):  # the home folder is closed to others
        steps += [f"mount --bind {python} /mnt", f"mount -t tmpfs -o mode=755 none {home}"]
        steps += [f"mkdir -p {python}", f"mount --move /mnt {python}"]
    steps += [
        f"mount --bind {shlex.quote(str(tmp_path))} /mnt",
        "mount -o remount,bind,ro /",
        "cd /mnt",
        "! touch /tmp/here",
        f"{as_user} --version || exit 99",
        f"{as_user} score reviews.csv -o out.csv --metrics-file x.prom",
        f"{as_user} verify out.csv --rescore 5",
    ]
    done = subprocess.run(["unshare", "-m", "bash", "-ec", "\n".join(steps)], capture_output=True, text=True)
    if done.returncode == 99:
        pytest.skip(f"another user cannot run this installation: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert "5 scored anew: all as the receipt says" in done.stderr
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 200
    assert (tmp_path / "out.csv").stat().st_uid == USER
