"""Rows that kill the process scoring them: the next runs find and reject them and score the rest."""

import json
import platform
import signal
from pathlib import Path

import pyarrow as pa
import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, error_line
from cli.tables import read_rejects
from faults.ledger import Entry, Ledger
from support import read_rows, write_records

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="another processor may divide in another way")

ROWS = 20_000


@pytest.fixture(scope="session")
def deadly_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deadly")
    save_bag_of_words(folder, deadly="crash")
    return folder


def _write(path: Path, deadly: dict[int, str]) -> list[dict[str, str]]:
    rows = [{"id": str(row), "text": f"a good {deadly.get(row, 'good')}"} for row in range(ROWS)]
    write_records(path, pa.RecordBatch.from_pylist(rows).select(["text", "id"]))
    return rows


@pytest.mark.parametrize(
    ("name", "deadly", "dies"),
    [
        ("r.csv", {9000: "crash"}, {-signal.SIGFPE}),
        ("r.csv", {0: "fail", 8191: "crash", 8192: "crash", 19_999: "fail"}, {-signal.SIGFPE, 1}),
        ("r.jsonl", {17: "fail", 18: "crash"}, {-signal.SIGFPE, 1}),
        ("r.parquet", {16_384: "crash"}, {-signal.SIGFPE}),
    ],
)
def test_deadly_rows(
    tmp_path: Path, deadly_model: Path, ledger: Ledger, name: str, deadly: dict[int, str], dies: set[int]
) -> None:
    """Whichever they are, wherever they stand, and whatever scoring them ends in, they alone are rejected for it.

    So it is where each Python prints something as it starts.
    """
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("print('welcome')")
    talkative = {"PYTHONPATH": str(tmp_path / "site")}
    rows = _write(tmp_path / name, deadly)
    score = Command(tmp_path, ("score", "--model", str(deadly_model)))
    arguments = (name, "-q", "-o", "out.jsonl", "--max-reject-rate", "0.01")
    runs = [score(*arguments, environment=talkative)]
    while runs[-1].code not in {0, 2, 3} and len(runs) < 5:
        runs.append(score(*arguments, environment=talkative))
    *died, last = runs
    assert died
    assert {run.code for run in died} <= dies
    assert last.code == 3, last
    rejects = read_rejects(tmp_path / "out.jsonl")
    scored = {row["id"]: row for row in read_rows(tmp_path / "out.jsonl")}
    assert [row["text"] for row in scored.values()] == [row["text"] for i, row in enumerate(rows) if i not in deadly]
    assert {row["sentiment"] for row in scored.values()} == {"very positive"}
    reasons = {"crash": "SIGFPE", "fail": "Fail"}
    assert [reject["reason"].split()[-1] for reject in rejects] == [reasons[deadly[row]] for row in sorted(deadly)]
    for reject, row in zip(rejects, sorted(deadly), strict=True):
        if name == "r.parquet":
            assert (reject["row"], reject["raw"]) == (row, rows[row]["text"])
            continue
        content = (tmp_path / name).read_bytes()
        start = reject["offset"]
        assert content[start : start + len(reject["raw"])].decode() == reject["raw"]
        assert content[:start].count(b"\n") + 1 == reject["line"] == row + (2 if name == "r.csv" else 1)
    ledger.add("a row that crashes the scorer", Entry(len(died), ROWS - len(scored) - len(rejects), 0, False))
    verified = Command(tmp_path)("verify", "out.jsonl", "--rescore", "1000")
    assert verified.code == 0, error_line(verified)


def test_every_row_is_deadly(tmp_path: Path) -> None:
    """If no text at all can be scored in another process, no row is rejected for it."""
    save_bag_of_words(tmp_path, deadly="good")
    (tmp_path / "r.csv").write_text("text\na\ngood\n")
    score = Command(tmp_path, ("score", "r.csv", "--model", ".", "-q"))
    assert score().code == -signal.SIGFPE
    result = score()
    assert result.code == 1
    assert "every scoring process ends with SIGFPE, even on a harmless text" in error_line(result)
    assert not (tmp_path / "r.scored.csv.rejects.jsonl").exists()


def test_a_deadly_row_that_is_mended(tmp_path: Path, deadly_model: Path) -> None:
    """As long as it is not, it stays among the rejects, and neither `retry-rejects` nor `verify` dies of it.

    What else lies in the folder, with the name of a library, is not what scores it.
    """
    (tmp_path / "numpy.py").write_text("raise SystemExit('this is not NumPy')")
    (tmp_path / "r.csv").write_text("text\nbad\ncrash\ngood\n")
    score = Command(tmp_path, ("score", "r.csv", "-o", "out.csv", "--model", str(deadly_model)))
    command = Command(tmp_path)
    assert score().code == -signal.SIGFPE
    result = score()
    assert (result.code, error_line(result).partition(";")[0].partition(": ")[2]) == (
        65,
        "line 3: scoring it ends in SIGFPE: 1 of 3 records are rejected: see out.csv.rejects.jsonl",
    )
    result = command("retry-rejects", "out.csv")
    assert (result.code, error_line(result).partition(": ")[2]) == (
        65,
        "line 3: scoring it ends in SIGFPE: 1 of 1 still rejected: see out.csv.rejects.jsonl",
    )
    rejects = tmp_path / "out.csv.rejects.jsonl"
    [reject] = map(json.loads, rejects.read_text("utf-8").splitlines())
    assert (reject["line"], reject["raw"], reject["reason"]) == (3, "crash\n", "scoring it ends in SIGFPE")
    rejects.write_text(json.dumps(reject | {"raw": "a bad\n"}) + "\n", "utf-8")
    assert command("retry-rejects", "out.csv").code == 0
    assert [row["text"] for row in read_rows(tmp_path / "out.csv")] == ["bad", "good", "a bad"]
    verified = command("verify", "out.csv", "--rescore", "9", "--json")
    assert verified.code == 0, error_line(verified)
    assert json.loads(verified.stdout)["rows_rescored"] == 2
