"""`--log-format json`: every line on stderr is an event that a program can read."""

import json
import signal
from datetime import datetime, timedelta
from typing import Any

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, Result
from cli.tables import MORE_THAN_A_PIPE_HOLDS, REVIEWS, write_table
from support import edit_json

from sentiment_batch.events import tell

JSON = ("--log-format", "json")
BROKEN = b"id,text\n1,good\n2,secret,more\n3,bad\n"


def events(result: Result) -> list[dict[str, Any]]:
    """Return every event on stderr; fail if a line is not an event."""
    found = [json.loads(line) for line in result.stderr.splitlines()]
    for event in found:
        assert datetime.fromisoformat(event["time"]).utcoffset() == timedelta(0)
        assert event["level"] in {"info", "warning", "error"}
    return found


def names(found: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in found]


def test_a_run(score: Command) -> None:
    """A run is reported from first event to last, with counts and the run id of the receipt."""
    write_table(score.folder / "r.csv", REVIEWS * 2500)  # two chunks
    found = events(score("r.csv", *JSON))
    assert names(found) == ["started", "committed", "committed", "finished", "summary"]
    run = json.loads((score.folder / "r.scored.csv.receipt.json").read_bytes())["run"]
    assert {event["run"] for event in found[:-1]} == {run}
    assert found[0]["inputs"] == [str(score.folder / "r.csv")]
    assert [event["chunk"] for event in found[1:3]] == [0, 1]
    assert (
        sum(event["rows_scored"] for event in found[1:3]) == found[3]["rows_scored"] == found[4]["rows_scored"] == 7500
    )
    assert sum(event["rows_unscorable"] for event in found[1:3]) == 2500


def test_quiet_keeps_problems(score: Command) -> None:
    """With -q a good run says nothing; a failed one reports its rejects with their place but not their text."""
    write_table(score.folder / "r.csv")
    (score.folder / "broken.csv").write_bytes(BROKEN)
    assert score("r.csv", "-q", *JSON).stderr == ""
    result = score("broken.csv", *JSON, "-q")
    found = events(result)
    assert names(found) == ["rejected", "failed"]
    assert (found[0]["rows"], found[0]["level"]) == (1, "warning")
    assert "broken.csv: line 3" in found[0]["first"]
    assert "secret" not in result.stderr
    assert (found[1]["exit_code"], found[1]["run"]) == (result.code, found[0]["run"]) == (65, found[0]["run"])
    assert "1 of 3 records are rejected" in found[1]["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere.csv", *JSON),
        ("r.csv", "--model", "nowhere", *JSON),
        ("r.csv", "--no-such-option", *JSON),
        ("r.csv", "--log-format=json", "--threads", "none"),
        ("r.csv", *JSON, "--max-shift", "1"),
        (*JSON,),
        ("r.csv", *JSON, "-v", "--text-column", "nowhere"),
        ("r.csv", *JSON, "--deadline", "00:00:00"),
    ],
)
def test_whatever_ends_it(score: Command, arguments: tuple[str, ...]) -> None:
    """The last event has the exit code and the message, even where the options were not understood."""
    write_table(score.folder / "r.csv")
    result = score(*arguments)
    last = events(result)[-1]
    assert last["event"] == ("stopped" if result.code == 75 else "failed")
    assert (last["exit_code"], last["level"]) == (result.code, "error")
    assert last["message"]
    assert ("traceback" in last) == ("-v" in arguments)


def test_stopped(score: Command) -> None:
    """SIGTERM gives an event with exit code 143 and the id of the stopped run."""
    with score.start("-", "-o", "out.csv", *JSON) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        process.stdin.flush()
        process.send_signal(signal.SIGTERM)
        result = Result(process.wait(), "", process.stderr.read().decode())
    found = events(result)
    assert names(found) == ["started", "stopped"]
    assert (found[1]["exit_code"], found[1]["run"]) == (result.code, found[0]["run"]) == (143, found[0]["run"])


def test_what_an_earlier_process_did(score: Command, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Chunks that an earlier process has scored are reported as resumed."""
    deadly = tmp_path_factory.mktemp("deadly")
    save_bag_of_words(deadly, deadly="crash")
    rows = [{"id": str(row), "text": "crash" if row == 40_000 else "good"} for row in range(41_000)]
    write_table(score.folder / "r.csv", rows)
    arguments = ("r.csv", "--model", str(deadly), "--threads", "1", "--max-reject-rate", "1", *JSON)
    died = score(*arguments)
    assert died.code < 0
    committed = [event["chunk"] for event in events(died) if event["event"] == "committed"]
    assert committed
    again = score(*arguments)
    assert again.code == 3
    found = events(again)
    assert {event["run"] for event in found[:-1]} == {events(died)[0]["run"]}
    assert [event["chunk"] for event in found if event["event"] == "resumed"] == committed
    assert [event["rows"] for event in found if event["event"] == "rejected"] == [1]


def test_each_file_of_a_folder(score: Command) -> None:
    """With --new-only every file has its own run, and a failure is reported when it happens."""
    for folder in ("inbox", "scored"):
        (score.folder / folder).mkdir()
    for name in ("a.csv", "c.csv"):
        write_table(score.folder / "inbox" / name)
    (score.folder / "inbox/b.csv").write_bytes(BROKEN)
    (score.folder / "inbox/d.csv").write_bytes(b"")
    result = score("inbox/", "-o", "scored/", "--new-only", "--settle", "0", *JSON)
    assert result.code == 3
    found = events(result)
    whole = ["started", "committed", "finished"]
    assert names(found) == [*whole, "started", "committed", "rejected", "failed", *whole, "failed", "summary"]
    failed = [event for event in found if event["event"] == "failed"]
    assert [(event["output"], event["exit_code"]) for event in failed] == [("scored/b.csv", 65), ("scored/d.csv", 65)]
    assert [event["run"] is None for event in failed] == [False, True]
    receipts = [json.loads((score.folder / f"scored/{name}.csv.receipt.json").read_bytes()) for name in "ac"]
    assert [e["seconds"] for e in found if e["event"] == "finished"] == [receipt["seconds"] for receipt in receipts]


def test_stopped_behind_a_failure(score: Command) -> None:
    """What failed before a run is stopped is in its last line too, which people get without JSON."""
    (score.folder / "inbox").mkdir()
    (score.folder / "inbox/a.csv").write_bytes(b"")
    (score.folder / "inbox/b.csv").write_bytes(b"text\n" + b"good\n" * 1_000_000)
    with score.start("inbox/", "-o", "scored/", "--new-only", "--settle", "0", *JSON) as process:
        assert process.stderr
        while b'"committed"' not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        *_, last = process.stderr.read().splitlines()
    message = json.loads(last)["message"]
    assert message.startswith("stopped by SIGTERM before the end; ")
    assert message.endswith(
        " rows are kept: run the same command again to continue; before that, inbox/a.csv: the file is empty"
    )


def test_dry_run(score: Command) -> None:
    """A dry run is one event, the plan."""
    write_table(score.folder / "r.csv")
    [plan] = events(score("r.csv", "--dry-run", *JSON))
    assert (plan["event"], plan["output"], plan["text_column"]) == ("planned", "r.scored.csv", "text")


def test_retry_rejects(score: Command, command: Command) -> None:
    """`retry-rejects` reports the same events."""
    (score.folder / "r.csv").write_bytes(BROKEN)
    assert score("r.csv").code == 65
    found = events(command("retry-rejects", "r.scored.csv", *JSON))
    assert names(found) == ["started", "committed", "rejected", "failed"]
    edit_json(score.folder / "r.scored.csv.rejects.jsonl", raw="2,good")
    assert names(events(command("retry-rejects", "r.scored.csv", *JSON))) == [
        *("started", "committed", "finished", "summary")
    ]


@pytest.mark.parametrize("how", [(), ("--log-format", "text")])
def test_text_stays_text(score: Command, how: tuple[str, ...]) -> None:
    """Without JSON logging, stderr holds only lines for people."""
    (score.folder / "r.csv").write_bytes(BROKEN)
    result = score("r.csv", "--max-reject-rate", "1", *how)
    assert result.stderr.splitlines()[0] == "3 rows: 2 scored, 0 without text, 1 rejected"
    assert len(result.stderr.splitlines()) == 3


def test_names_stay_on_one_line(score: Command) -> None:
    """Control characters in names are escaped, so that each event stays on one line."""
    name = "a\nb\x1b.csv"
    write_table(score.folder / name)
    found = events(score(name, *JSON))
    assert found[0]["inputs"] == [str(score.folder / name)]


def test_for_users_of_the_library(caplog: pytest.LogCaptureFixture) -> None:
    """Callers of the library in Python receive the same events through `logging`."""
    with caplog.at_level("INFO", logger="sentiment_batch"):
        tell("committed", chunk=1)
    assert [(record.msg, record.__dict__["facts"]) for record in caplog.records] == [("committed", {"chunk": 1})]
