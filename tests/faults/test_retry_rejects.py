"""`retry-rejects` killed before every step: the same command again completes it, with every record exactly once."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from cli.process import Command, error_line
from cli.tables import read_rejects
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace
from faults.ledger import Entry, Ledger
from faults.trial import DONE, INPUT, OUTPUT, RECEIPT, REJECTS, ROWS, Trial, ids
from faults.waiting import continue_stopped

from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.verify import verify

pytestmark = needs_strace

MENDED = 15  # of the 20 rejects of a trial
RETRY = ("retry-rejects", OUTPUT, "--max-reject-rate", "0.01", "-q", "--threads", "1")


def retry(folder: Path, *runner: str) -> int:
    return Command(folder, (), runner)(*RETRY).code


@pytest.fixture
def mended(new_trial: NewTrial, tmp_path: Path) -> Callable[[], Path]:
    """Folders with a finished run, most of whose rejects were mended."""
    trial = new_trial("none")
    assert trial.run().code == DONE
    records = read_rejects(trial.folder / OUTPUT)
    for record in records[:MENDED]:
        record["raw"] = record["raw"].replace(",one field too many", "")
    (trial.folder / REJECTS).write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    numbers = count()
    return lambda: Path(shutil.copytree(trial.folder, tmp_path / f"mended-{next(numbers)}"))


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "unlink", "unlinkat", "rmdir"])
def test_killed_before_every_step(mended: Callable[[], Path], ledger: Ledger, call: str) -> None:
    """Wherever it dies, even with only the output replaced, the same command completes it."""
    whole = mended()
    before = (whole / OUTPUT).read_bytes()
    log = whole.with_suffix(".calls")
    assert retry(whole, *Calls.TRACE, str(log)) == DONE
    after = (whole / OUTPUT).read_bytes()
    assert after.startswith(before)

    def attempt(folder: Path, number: int) -> None:
        assert retry(folder, *inject(call, "signal=KILL", number)) < 0
        torn = (folder / OUTPUT).read_bytes() not in (before, after)
        again = retry(folder)
        found = ids(folder)
        ledger.add("kill -9 in retry-rejects", Entry(1, ROWS - len(found), found.total() - len(found), torn))
        assert not torn
        assert again == DONE
        assert found == Counter(str(row) for row in range(ROWS))
        assert (folder / OUTPUT).read_bytes() == after
        assert {path.name for path in folder.iterdir()} == {"r.csv", OUTPUT, REJECTS, RECEIPT}
        assert (folder / "r.csv").read_text() == INPUT
        proof = verify(Output(Location.parse(str(folder / OUTPUT))), rescore=0)
        assert (proof["rows_in"], proof["rows_rejected"]) == (ROWS, 20 - MENDED)

    each(Calls(log, whole).numbers(call), mended, attempt)


def test_killed_while_a_folder_is_replaced(tmp_path: Path, model: Path) -> None:
    """Where neither the old folder nor the new one is in its place, the same command puts the new one there."""
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "r.csv").write_text("id,text\n0,good\n1,bad,more\n")
    assert Command(whole, ("score", "--model", str(model)))("r.csv", "-o", "out/").code == 65
    rejects = whole / "out.rejects.jsonl"
    rejects.write_text(rejects.read_text().replace(",more", ""))
    folder = Path(shutil.copytree(whole, tmp_path / "folder"))
    command, log = ("retry-rejects", "out/", "-q", "--threads", "1"), tmp_path / "calls"
    assert Command(whole, (), (*Calls.TRACE, str(log)))(*command).code == 0
    [_, new] = Calls(log, whole).numbers("rename", '/out"')
    assert Command(folder, (), inject("rename", "signal=KILL", new))(*command).code < 0
    assert not (folder / "out").exists()
    assert Command(folder)(*command).code == 0
    assert verify(Output.at(Location.parse(str(folder / "out"))), rescore=0)["rows_in"] == 2
    assert {path.name for path in folder.iterdir()} == {"r.csv", "out", "out.receipt.json"}


@pytest.mark.parametrize(
    ("call", "mended", "code"), [("rename", ",more", 0), ("unlink", ",more", 0), ("unlinkat", "1,bad,more", 65)]
)
def test_killed_where_too_many_were_rejected(tmp_path: Path, model: Path, call: str, mended: str, code: int) -> None:
    """Until the same command is done, the output has one receipt at least; then it has one, and nothing is left."""
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "r.csv").write_text("id,text\n0,good\n1,bad,more\n2,bad,more\n")
    assert Command(whole, ("score", "--model", str(model)))("r.csv", "-o", "out.csv").code == 65
    rejects = whole / "out.csv.rejects.jsonl"
    rejects.write_text(rejects.read_text().replace(mended, mended.removesuffix(",more")))
    folders = [Path(shutil.copytree(whole, tmp_path / f"folder-{number}")) for number in range(10)]
    command, log = ("retry-rejects", "out.csv", "-q", "--threads", "1"), tmp_path / "calls"
    assert Command(whole, (), (*Calls.TRACE, str(log)))(*command).code == code
    notes = [f"out.csv.{name}.json" for name in ("receipt", "incomplete")]
    numbers = Calls(log, whole).numbers(call)
    assert 0 < len(numbers) <= len(folders)
    for number, folder in zip(numbers, folders, strict=False):
        assert Command(folder, (), inject(call, "signal=KILL", number))(*command).code < 0
        assert any((folder / name).exists() for name in notes)
        assert Command(folder)(*command).code in {code, 66}  # no rejects, if it was killed when all was done
        assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}


def test_score_tidies_up(tmp_path: Path, model: Path) -> None:
    """Killed with both receipts there, it may be followed by a run of `score --new-only`: then it is done, too."""
    score = Command(tmp_path, ("score", "--model", str(model), "-q"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in/r.csv").write_text("id,text\n0,good\n1,bad,more\n")
    arguments = ("in/", "-o", "out/", "--new-only", "--settle", "0")
    assert score(*arguments).code == 65
    rejects = tmp_path / "out/r.csv.rejects.jsonl"
    rejects.write_text(rejects.read_text().replace(",more", ""))
    traced = Path(shutil.copytree(tmp_path / "out", tmp_path / "traced"))
    command, log = ("retry-rejects", "r.csv", "-q", "--threads", "1"), tmp_path / "calls"
    assert Command(traced, (), (*Calls.TRACE, str(log)))(*command).code == 0
    [last] = Calls(log, traced).numbers("unlink", "incomplete.json")
    assert Command(tmp_path / "out", (), inject("unlink", "signal=KILL", last))(*command).code < 0
    assert score(*arguments).code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"r.csv", "r.csv.receipt.json"}


def test_an_unfinished_score_is_left_alone(new_trial: NewTrial, calls: Calls) -> None:
    """If `score` was killed after writing the output but before the receipt, `retry-rejects` leaves that to `score`."""
    trial = new_trial("retry-rejects after kill -9")
    *_, last = calls.numbers("rename", f"{RECEIPT}")
    assert trial.run(*inject("rename", "signal=KILL", last)).code < 0
    assert (trial.folder / OUTPUT).exists()
    assert not (trial.folder / RECEIPT).exists()
    assert retry(trial.folder) == 78
    trial.require_recovery()


def test_a_score_that_had_only_to_tidy_up(new_trial: NewTrial, calls: Calls) -> None:
    """If `score` was killed when all was in place, what it left in the way is no reason to wait for it."""
    trial = new_trial("retry-rejects after kill -9")
    assert trial.run(*inject("rename", "signal=KILL", calls.numbers("rename")[-1])).code < 0
    rejects = trial.folder / REJECTS
    rejects.write_text(rejects.read_text("utf-8").replace(",one field too many", ""), "utf-8")
    assert trial.run().code == 2
    assert retry(trial.folder) == 0
    assert ids(trial.folder) == Counter(str(row) for row in range(ROWS))
    assert {path.name for path in trial.folder.iterdir()} == {"r.csv", OUTPUT, RECEIPT}


class Retry(Trial):
    """A run of `retry-rejects` that is disturbed."""

    @property
    def arguments(self) -> tuple[str, ...]:
        return RETRY


def test_rejects_that_are_mended_meanwhile(mended: Callable[[], Path], ledger: Ledger) -> None:
    """What is mended while the rejects are scored is not written over; all is left as it is."""
    whole, folder = mended(), mended()
    log = whole.with_suffix(".calls")
    assert retry(whole, *Calls.TRACE, str(log)) == DONE
    [*_, commit, _] = Calls(log, whole).numbers("fsync", "/journal.jsonl>")
    trial, rejects = Retry(Command(folder), "none", ledger, {}), folder / REJECTS
    mending = rejects.read_text("utf-8").replace(",one field too many", "")
    before = trial.score.contents() | {REJECTS: mending.encode()}
    result = continue_stopped(trial, "fsync", commit, lambda _: rejects.write_text(mending, "utf-8"))
    assert (result.code, error_line(result)) == (
        65,
        f"{REJECTS} was edited while it was read: run the same command again",
    )
    assert trial.score.contents() == before
    assert retry(folder) == 0


def test_rejects_that_are_mended_in_between(mended: Callable[[], Path]) -> None:
    """What was scored of other rejects is not taken for these; begun anew, all are there as they are by now."""
    whole, folder = mended(), mended()
    log = whole.with_suffix(".calls")
    assert retry(whole, *Calls.TRACE, str(log)) == DONE
    [*_, commit, published] = Calls(log, whole).numbers("fsync", "/journal.jsonl>")
    assert retry(folder, *inject("fsync", "signal=KILL", commit + 1)) < 0
    *others, last = (folder / REJECTS).read_text("utf-8").splitlines(keepends=True)
    record = json.loads(last)
    record["raw"] = record["raw"].replace(",one field too many", "")
    (folder / REJECTS).write_text("".join([*others, json.dumps(record) + "\n"]), "utf-8")
    receipt = json.loads((folder / RECEIPT).read_text("utf-8"))
    (folder / RECEIPT).write_text(json.dumps(receipt | {"seconds": 1.0}), "utf-8")
    before = (folder / OUTPUT).read_bytes()
    assert commit + 1 < published
    result = Command(folder)(*RETRY)
    assert result.code == 78
    assert "unfinished, and the retried receipt changed; the rejects sha256 changed: undo" in error_line(result)
    assert (folder / OUTPUT).read_bytes() == before
    assert Command(folder)(*RETRY, "--restart").code == DONE
    assert ids(folder) == Counter(str(row) for row in range(ROWS))
    assert len((folder / REJECTS).read_text("utf-8").splitlines()) == 20 - MENDED - 1
