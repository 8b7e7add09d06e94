"""`score inbox/ -o scored/ --new-only`: each file that arrives is scored once."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, Result, error_line
from cli.tables import REVIEWS, read_table, write_table
from filelock import FileLock

from sentiment_batch.earlier import Earlier
from sentiment_batch.inputs import expand_inputs
from sentiment_batch.jobs import Job, plan_jobs
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.runs import Arriving
from sentiment_batch.scoring import Scorer
from sentiment_batch.sources import SourceOptions
from sentiment_batch.worker import Worker

NEW_ONLY = ("inbox/", "-o", "scored/", "--new-only")
AGO = 1_700_000_000  # long enough ago that nobody is still writing
# Root may read everything, unless it gives that up.
HUMBLE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


@pytest.fixture
def inbox(score: Command) -> Path:
    folder = score.folder / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def worker(model: Path) -> Iterator[Worker]:
    with Scorer.load(model) as scorer:
        yield Worker(scorer, SourceOptions(), PredictionColumns.of(scorer.bundle, prefix="", probabilities=False))


def arrive(path: Path, when: int = AGO) -> None:
    write_table(path)
    os.utime(path, (when, when))


def planned(inbox: Path) -> list[Job]:
    output = Location.parse(f"{inbox.parent}/scored/")
    return plan_jobs(expand_inputs([str(inbox)], inbox=True), output, each=True)


def rows_in(score: Command, *options: str) -> int:
    result = score(*NEW_ONLY, "--json", *options)
    assert result.code == 0, result.stderr
    rows: int = json.loads(result.stdout)["rows_in"]
    return rows


def test_each_file_once(score: Command, inbox: Path) -> None:
    """Only files that arrived since the last run are scored, each to a file of the same name; none is fine too."""
    assert rows_in(score) == 0
    arrive(inbox / "a.csv")
    arrive(inbox / "b.jsonl.gz")
    assert rows_in(score) == 2 * len(REVIEWS)
    for name in ("a.csv", "b.jsonl.gz"):
        assert [row["text"] for row in read_table(score.folder / "scored" / name)] == [row["text"] for row in REVIEWS]
    assert rows_in(score) == 0
    arrive(inbox / "c.parquet")
    assert rows_in(score) == len(REVIEWS)
    assert rows_in(score, "--force") == 3 * len(REVIEWS)


def test_what_counts_as_new(score: Command, inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file is new again if it was replaced, its output was removed or cut short, or the model is another."""
    arrive(inbox / "a.csv")
    arrive(inbox / "b.csv")
    rows_in(score)
    arrive(inbox / "a.csv", AGO + 1)
    assert score(*NEW_ONLY, "--dry-run").code == 0
    assert rows_in(score) == len(REVIEWS)
    (score.folder / "scored/b.csv").unlink()
    assert rows_in(score) == len(REVIEWS)
    os.truncate(score.folder / "scored/b.csv", 20)
    assert rows_in(score) == len(REVIEWS)
    other = tmp_path_factory.mktemp("other")
    save_bag_of_words(other, deadly="crash")
    assert rows_in(score, "--model", str(other)) == 2 * len(REVIEWS)


def test_data_sets(score: Command, inbox: Path) -> None:
    """A folder that is named like a file is scored once, to one of its name; anew when its files are others."""

    def arrive_in(name: str, *parts: str) -> None:
        (inbox / name).mkdir(parents=True, exist_ok=True)
        for part in parts:
            arrive(inbox / name / part)
        os.utime(inbox / name, (AGO, AGO))

    arrive_in("a.parquet", "part-0.parquet")
    arrive_in("b.parquet", "part-0.parquet", "part-1.parquet")
    assert rows_in(score) == 3 * len(REVIEWS)
    assert (score.folder / "scored/b.parquet/part-00000.parquet").is_file()
    assert rows_in(score) == 0
    arrive_in("a.parquet", "part-1.parquet")
    (inbox / "b.parquet/part-0.parquet").rename(inbox / "b.parquet/part-2.parquet")
    assert rows_in(score) == 2 * len(REVIEWS)  # not yet b, which was changed a moment ago
    assert rows_in(score, "--settle", "0") == 2 * len(REVIEWS)
    assert rows_in(score) == 0
    (score.folder / "scored/a.parquet/mine").mkdir()
    arrive_in("p.parquet/day=1", "part-0.parquet")
    os.utime(inbox / "p.parquet", (AGO, AGO))
    arrive(inbox / "c.csv")
    result = score(*NEW_ONLY)
    assert result.code == 3
    assert "scored/a.parquet holds 'mine'" in result.stderr
    assert "inbox/p.parquet: a data set in partitions" in result.stderr
    assert len(read_table(score.folder / "scored/c.csv")) == len(REVIEWS)


def test_a_data_set_in_a_store(score: Command, inbox: Path) -> None:
    """A part more is of the same data set, also where what is behind the question mark of a URI has slashes."""
    (inbox / "a.parquet").mkdir()
    arrive(inbox / "a.parquet/part-0.parquet")
    assert rows_in(score, "--settle", "0") == len(REVIEWS)
    path = score.folder / "scored/a.parquet.receipt.json"
    receipt = json.loads(path.read_text())
    store = "s3://bucket/a.parquet/{}.parquet?endpoint_override=http://localhost:9000"
    receipt["inputs"][0]["name"] = store.format(0)
    path.write_text(json.dumps(receipt))
    earlier = Earlier(Output.at(Location.parse(str(score.folder / "scored/a.parquet"))))
    assert earlier.is_of([{"name": store.format(part)} for part in range(2)])


def test_a_file_that_is_still_written(score: Command, inbox: Path) -> None:
    """A file changed a moment ago is left for the next run, unless --settle says otherwise."""
    arrive(inbox / "a.csv")
    write_table(inbox / "b.csv")
    assert rows_in(score) == len(REVIEWS)
    assert not (score.folder / "scored/b.csv").exists()
    assert rows_in(score, "--settle", "0") == len(REVIEWS)


def test_a_file_from_the_future(score: Command, inbox: Path) -> None:
    """A file that does not settle for long, because a clock was wrong, is named, and so is a folder."""
    arrive(inbox / "a.csv", 2**32)
    (inbox / "b.csv").mkdir()
    arrive(inbox / "b.csv/part-0.csv")
    os.utime(inbox / "b.csv", (2**32, 2**32))
    result = score(*NEW_ONLY, "-q", "--log-format", "json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert (result.code, [(event["event"], event["level"]) for event in events]) == (0, [("warning", "warning")] * 2)
    for name, event in zip(("inbox/a.csv", "inbox/b.csv/"), events, strict=True):
        assert event["message"].startswith(f"{name} has a modification time in the future")


def test_a_failure_does_not_stop_the_others(score: Command, inbox: Path) -> None:
    """Every file that fails is listed, the others are scored, the exit code is 3, and repaired files are new."""
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        arrive(inbox / name)
    (inbox / "a.csv").write_bytes(b"id,text\n1,good\n2\n")
    (inbox / "b.csv").write_bytes(b"")
    (score.folder / "scored").mkdir()
    (score.folder / "scored/d.csv").write_bytes(b"mine")
    arguments = (*NEW_ONLY, "--settle", "0")
    result = score(*arguments)
    assert result.code == 3
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert [error.partition(": ")[2].partition(": ")[0] for error in errors] == [
        "inbox/a.csv",
        "inbox/b.csv",
        "scored/d.csv exists",
    ]
    assert (score.folder / "scored/c.csv").exists()
    assert (score.folder / "scored/d.csv").read_bytes() == b"mine"
    for name in ("a.csv", "b.csv"):
        arrive(inbox / name)
    (score.folder / "scored/d.csv").unlink()
    assert score(*arguments).code == 0
    assert len(read_table(score.folder / "scored/a.csv")) == len(REVIEWS)


@pytest.mark.parametrize("note", ["receipt", "incomplete"])
def test_a_receipt_that_cannot_be_read(score: Command, inbox: Path, note: str) -> None:
    """It is the failure of that one file."""
    arrive(inbox / "a.csv")
    arrive(inbox / "b.csv")
    (score.folder / f"scored/a.csv.{note}.json").mkdir(parents=True)
    result = score(*NEW_ONLY)
    assert result.code == 3
    assert error_line(result).startswith(f"scored/a.csv.{note}.json: ")
    assert len(read_table(score.folder / "scored/b.csv")) == len(REVIEWS)


def test_a_receipt_of_somebody_else(score: Command, inbox: Path) -> None:
    """One that this user may not read does not stop the other files either."""
    arrive(inbox / "a.csv")
    assert rows_in(score) == len(REVIEWS)
    arrive(inbox / "b.csv")
    (score.folder / "scored/a.csv.receipt.json").chmod(0)
    result = replace(score, runner=HUMBLE)(*NEW_ONLY)
    assert result.code == 3
    message = error_line(result)
    assert message.startswith("scored/a.csv.receipt.json: ")
    assert message.endswith("Permission denied")
    assert len(read_table(score.folder / "scored/b.csv")) == len(REVIEWS)


def test_unfinished_work_of_somebody_else(score: Command, inbox: Path) -> None:
    """What this user may not continue does not stop the other files, and is named."""
    for name in ("a.csv", "b.csv"):
        arrive(inbox / name)
    staging = score.folder / "scored/.a.csv.staging"
    staging.mkdir(mode=0, parents=True)
    result = replace(score, runner=HUMBLE)(*NEW_ONLY)
    assert (result.code, error_line(result)) == (3, "scored/a.csv: Permission denied")
    if os.geteuid() == 0:
        os.chown(staging, 12345, -1)
        result = score(*NEW_ONLY)
        assert result.code == 73
        assert ".a.csv.staging is not this user's own folder: " in error_line(result)
    assert len(read_table(score.folder / "scored/b.csv")) == len(REVIEWS)


def test_a_link_that_cannot_be_followed(score: Command, inbox: Path) -> None:
    """It is the failure of that one file, and a file that is not to be scored may have any name."""
    arrive(inbox / "a.csv")
    (score.folder / "private").mkdir(mode=0)
    (inbox / "link.csv").symlink_to(score.folder / "private/b.csv")
    (inbox / "loop.csv").symlink_to("loop.csv")
    (inbox / os.fsdecode(b"\xff.tmp")).touch()
    result = replace(score, runner=HUMBLE)(*NEW_ONLY)
    assert result.code == 3
    message = error_line(result)
    assert message.startswith("inbox/link.csv: ")
    assert message.endswith("Permission denied")
    assert len(read_table(score.folder / "scored/a.csv")) == len(REVIEWS)


def test_it_needs_a_folder(score: Command, inbox: Path) -> None:
    """One output per input does not fit into a single file, so a folder must be named."""
    arrive(inbox / "a.csv")
    for options in ((), ("-o", "all.csv")):
        result: Result = score("inbox/", "--new-only", *options)
        assert (result.code, error_line(result)) == (2, "name a folder for the outputs with -o")


def test_a_file_that_leaves_the_inbox(inbox: Path, worker: Worker) -> None:
    """A file that is gone by the time it is looked at is skipped; the others are not held up."""
    arrive(inbox / "a.csv")
    arrive(inbox / "b.csv")
    jobs = planned(inbox)
    (inbox / "a.csv").unlink()
    warnings: list[str] = []
    assert [job.inputs[0].file_name for job in Arriving(jobs, worker, 60, warnings.append).new()] == ["b.csv"]
    assert warnings == []


def test_a_file_that_another_run_scores_meanwhile(score: Command, inbox: Path, worker: Worker) -> None:
    """A file is looked at when it is its turn, and then not scored a second time."""
    arrive(inbox / "a.csv")
    arrive(inbox / "b.csv")
    jobs = planned(inbox)
    arrived = Arriving(jobs, worker, 60, print).new()
    assert next(arrived) == jobs[0]
    assert rows_in(score) == 2 * len(REVIEWS)
    assert list(arrived) == []


def test_an_output_of_another_input(score: Command, inbox: Path) -> None:
    """The output of a file of the same name from another folder is not replaced without --force."""
    arrive(inbox / "a.csv")
    rows_in(score)
    before = (score.folder / "scored/a.csv").read_bytes()
    (score.folder / "other").mkdir()
    (score.folder / "other/a.csv").write_text("text\nbad\n")
    os.utime(score.folder / "other/a.csv", (AGO, AGO))
    result = score("other/", "-o", "scored/", "--new-only", "-q")
    assert (result.code, (score.folder / "scored/a.csv").read_bytes()) == (2, before)
    assert "exists" in error_line(result)
    assert score("other/", "-o", "scored/", "--new-only", "-q", "--force").code == 0
    assert (score.folder / "scored/a.csv").read_bytes() != before


def test_a_replacement_that_is_stopped(score: Command, inbox: Path) -> None:
    """A run that fails when it has withdrawn the receipt of the output that it replaces is continued by the next."""
    arrive(inbox / "a.csv")
    rows_in(score)
    (inbox / "a.csv").write_text("text\ngood\nbad,more\n")
    arguments = (*NEW_ONLY, "--settle", "0", "--max-reject-rate", "0.5")
    in_the_way = score.folder / "scored/a.csv.rejects.jsonl"
    in_the_way.mkdir()
    assert score(*arguments).code == 73
    in_the_way.rmdir()
    assert score(*arguments).code == 3
    assert [row["text"] for row in read_table(score.folder / "scored/a.csv")] == ["good"]
    assert score(*arguments, "--json").code == 0


def test_records_mended_by_hand(command: Command, score: Command, inbox: Path) -> None:
    """Neither rejects that are being mended nor rows that have been are lost to the next run."""
    (inbox / "a.csv").write_text("text\ngood\nbad,more\n")
    arguments = (*NEW_ONLY, "--settle", "0", "-q")
    output, rejects = score.folder / "scored/a.csv", score.folder / "scored/a.csv.rejects.jsonl"
    for _ in range(2):  # it is scored again, in vain, until somebody mends it
        assert score(*arguments).code == 65
    rejects.write_text(rejects.read_text().replace(",more", ""))
    before = score.contents()
    assert score(*arguments, "--dry-run").code == 2
    result = score(*arguments)
    assert (result.code, error_line(result)) == (
        2,
        "scored/a.csv.rejects.jsonl has been edited: run `sentiment-batch retry-rejects scored/a.csv`, "
        "or remove it to score all anew",
    )
    by_name = ("inbox/a.csv", "-o", "scored/a.csv")
    assert error_line(score(*by_name)) == error_line(result)  # nor is --force the advice
    assert score.contents() == before
    assert command("retry-rejects", "scored/a.csv", "-q").code == 0
    assert score(*arguments).code == 0
    os.utime(inbox / "a.csv", (AGO, AGO))
    result = score(*arguments)
    assert result.code == 2
    assert error_line(result).startswith("scored/a.csv holds records mended by hand, which would be lost")
    assert error_line(score(*by_name)) == error_line(result)
    assert [row["text"] for row in read_table(output)] == ["good", "bad"]
    output.unlink()
    assert score(*arguments).code == 65


def test_when_all_fail(score: Command, inbox: Path) -> None:
    """If every file fails, the exit code says what was wrong, and no success is reported."""
    (inbox / "a.csv").write_bytes(b"PAR1")
    os.utime(inbox / "a.csv", (AGO, AGO))
    result = score(*NEW_ONLY, "--metrics-file", "m.prom")
    assert result.code == 2, result
    assert "nothing written" in result.stderr
    assert "last_success" not in (score.folder / "m.prom").read_text()


def test_another_run_is_at_it(score: Command, inbox: Path) -> None:
    """Whoever finds a file being scored does the others, and says by its exit code that there is more to do.

    Where another file cannot be read, trying again is not all that there is to do.
    """
    arrive(inbox / "a.csv")
    arrive(inbox / "b.csv")
    (score.folder / "scored").mkdir()
    with FileLock(score.folder / "scored/.a.csv.lock"):
        result = score(*NEW_ONLY, "-q")
    assert result.code == 75
    assert error_line(result).startswith("scored/a.csv: another run has been writing it")
    assert (score.folder / "scored/b.csv").exists()
    (inbox / "c.csv").write_bytes(b"")
    arrive(inbox / "d.csv")
    with FileLock(score.folder / "scored/.a.csv.lock"):
        assert score(*NEW_ONLY, "-q", "--settle", "0").code == 3
    (inbox / "c.csv").unlink()
    assert rows_in(score) == len(REVIEWS)
