"""The examples work: reviews to score, and recipes for nightly runs."""

import ast
import csv
import fcntl
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiment_batch.cli.main import cli
from sentiment_batch.cli.outcome import TOLERATED
from sentiment_batch.errors import NoInputError, TryAgainError

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
REVIEWS = EXAMPLES / "reviews.csv"
KUBERNETES = "1.37"
HEADER = ["id", "product", "stars", "text", "reviewed_on"]


@pytest.fixture(scope="module")
def table() -> list[list[str]]:
    """Read every row of the file, the header included, as plain strings."""
    with REVIEWS.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle, strict=True))


@pytest.fixture(scope="module")
def texts(table: list[list[str]]) -> list[str]:
    """Return the review texts in file order."""
    column = HEADER.index("text")
    return [row[column] for row in table[1:]]


def test_header(table: list[list[str]]) -> None:
    """The first row names the five columns."""
    assert table[0] == HEADER


def test_two_hundred_records_of_five_fields(table: list[list[str]]) -> None:
    """There are exactly 200 records and each one has five fields."""
    records = table[1:]
    assert len(records) == 200
    assert [row for row in records if len(row) != len(HEADER)] == []


def test_ids_are_unique(table: list[list[str]]) -> None:
    """No id is empty and none occurs twice."""
    ids = [row[0] for row in table[1:]]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_has_an_empty_text(texts: list[str]) -> None:
    """At least one review has an empty text field."""
    assert "" in texts


def test_has_a_newline_inside_a_text(texts: list[str]) -> None:
    """At least one review spans several lines inside its quotes."""
    assert any("\n" in text.strip() for text in texts)


def test_has_a_text_over_600_words(texts: list[str]) -> None:
    """At least one review is longer than 600 words."""
    assert any(len(text.split()) > 600 for text in texts)


def test_has_a_non_latin_script(texts: list[str]) -> None:
    """At least one review is written in letters of a script other than Latin."""
    letters = {char for text in texts for char in text if char.isalpha() and not char.isascii()}
    assert any(not unicodedata.name(char, "LATIN").startswith("LATIN") for char in letters)


def cron_command() -> str:
    """Return the command of the one entry, after its five time fields."""
    entries = [line for line in (EXAMPLES / "crontab").read_text("utf-8").splitlines() if line[:1].isdigit()]
    [entry] = entries
    return entry.split(maxsplit=5)[5]


def service_command() -> str:
    unit = (EXAMPLES / "sentiment-batch.service").read_text("utf-8")
    found = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert found
    return f"cd /srv/reviews && {found[1]}"


def dag() -> dict[str, Any]:
    """Return what the DAG's file defines besides the DAG itself, which needs Airflow; check that all of it compiles."""
    source = (EXAMPLES / "airflow_dag.py").read_text("utf-8")
    compile(source, "airflow_dag.py", "exec")
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) or (isinstance(node, ast.FunctionDef) and not node.decorator_list)
    ]
    said: dict[str, Any] = {}
    exec(compile(tree, "airflow_dag.py", "exec"), said)
    return said


def dag_command() -> str:
    command: str = dag()["COMMAND"]
    return f"{command} --quiet"


def here(command: str, folder: Path) -> str:
    return command.replace("/srv/reviews", str(folder)).replace("/opt/sentiment-batch/bin", f"{sys.prefix}/bin")


@pytest.mark.parametrize("command", [cron_command, service_command, dag_command])
def test_nightly_commands(tmp_path: Path, command: Callable[[], str]) -> None:
    """The commands for cron, systemd and Airflow score new files silently, and find nothing to do the next night."""
    for folder in ("inbox", "scored"):
        (tmp_path / folder).mkdir()
    shutil.copy(REVIEWS, tmp_path / "inbox")
    os.utime(tmp_path / "inbox" / REVIEWS.name, (0, 0))
    line = here(command(), tmp_path)
    for _ in range(2):
        done = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(csv.DictReader((tmp_path / "scored" / REVIEWS.name).open(newline="", encoding="utf-8")))) == 200


def test_what_airflow_tries_again() -> None:
    """The DAG retries whatever can be retried, by exit codes of shell and Python, but never a run that is done."""
    said = dag()
    assert said["DONE"] == {0, TOLERATED}
    again = [TryAgainError.exit_code, 130, 143, 137, 134, 139, -2, -15, -9, -6, -11]
    assert [code for code in again if not said["goes_on"](code)] == []
    assert [code for code in (0, 1, 2, TOLERATED, 65, 66, 73, 74, 78) if said["goes_on"](code)] == []


@pytest.mark.parametrize(("locked", "code"), [(True, TryAgainError.exit_code), (False, NoInputError.exit_code)])
def test_what_cron_gets(tmp_path: Path, locked: bool, code: int) -> None:
    """cron gets the exit code of the run, or that of a held lock; errors are mailed and logged."""
    crontab = (EXAMPLES / "crontab").read_text("utf-8")
    shell = re.search("^SHELL=(.*)$", crontab, re.MULTILINE)
    with (tmp_path / ".lock").open("w") as lock:
        if locked:
            fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [shell[1] if shell else "/bin/sh", "-c", here(cron_command(), tmp_path)], capture_output=True, text=True
        )
    mailed = "" if locked else "Error: inbox/: no such file\n"
    assert (done.returncode, done.stdout, done.stderr) == (code, mailed, "")
    assert (tmp_path / "score.log").read_text("utf-8") == mailed


def test_the_dag_loads() -> None:
    """Airflow loads the DAG and finds one task with retries."""
    pytest.importorskip("airflow", reason="needs Airflow")
    module = runpy.run_path(str(EXAMPLES / "airflow_dag.py"))
    [score] = module["reviews"]().tasks
    assert (score.task_id, score.retries) == ("score", 5)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_units(tmp_path: Path) -> None:
    """systemd finds no fault with the units, once they point to the program here."""
    units = []
    for name in ("sentiment-batch.service", "sentiment-batch.timer"):
        text = (EXAMPLES / name).read_text("utf-8").replace("/opt/sentiment-batch/bin", f"{sys.prefix}/bin")
        units.append(tmp_path / name)
        units[-1].write_text(text, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_ray_job() -> None:
    """The RayJob's command can be parsed, and its manifests are valid."""
    yaml = pytest.importorskip("yaml")
    job, claim = yaml.safe_load_all((EXAMPLES / "rayjob.yaml").read_text("utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    program, command, *arguments = shlex.split(spec["entrypoint"])
    assert program == "sentiment-batch"
    context = cli.commands[command].make_context(command, arguments, obj={})
    assert (context.params["engine"], context.params["ray_address"]) == ("ray", None)
    groups = spec["rayClusterSpec"]
    [scorers] = groups["workerGroupSpecs"]
    assert scorers["minReplicas"] <= scorers["replicas"] <= scorers["maxReplicas"]
    pods = [group["template"]["spec"] for group in (groups["headGroupSpec"], scorers)]
    kubernetes = pytest.importorskip("kubernetes_validate")
    for pod in pods:
        described = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}, "spec": pod}
        kubernetes.validate(described, KUBERNETES, strict=True)
    kubernetes.validate(claim, KUBERNETES, strict=True)
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert len(images) == 1
    [volume] = pods[0]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    [container] = pods[0]["containers"]
    [mount] = container["volumeMounts"]
    assert mount["name"] == volume["name"]
    assert {"name": "XDG_STATE_HOME", "value": mount["mountPath"]} in container["env"]
    constraints = (EXAMPLES.parent / "constraints.txt").read_text("utf-8").splitlines()
    assert f"ray=={groups['rayVersion']}" in constraints
