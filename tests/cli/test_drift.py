"""`score --compare-to`: predictions that are no longer what they were."""

import json
import os
from pathlib import Path

import pytest
from cli.process import Command, error_line
from cli.tables import write_table

RECEIPT = "before.scored.csv.receipt.json"


@pytest.fixture
def compared(score: Command) -> Command:
    """The command after a run on good reviews, with a file of equally good ones and one of worse ones."""
    for name, text in (("before", "good"), ("same", "good"), ("worse", "bad")):
        write_table(score.folder / f"{name}.csv", [{"id": str(row), "text": text} for row in range(100)])
    assert score("before.csv").code == 0
    return score


def test_nothing_has_shifted(compared: Command) -> None:
    """For the same reviews, all shifts are 0 and nothing else is said."""
    result = compared("same.csv", "--compare-to", RECEIPT, "--max-shift", "0", "--json", "-q")
    assert (result.code, result.stderr) == (0, "")
    drift = json.loads(result.stdout)["drift"]
    assert drift.pop("by_chance") == {"labels": 0, "confidence": 0, "tokens": 0}  # of one bin each
    assert set(drift.values()) == {0}


def test_a_pipe_in_the_place_of_a_receipt(compared: Command) -> None:
    """Nobody waits for a pipe to become a receipt."""
    os.mkfifo(compared.folder / "pipe")
    result = compared("same.csv", "--compare-to", "pipe")
    assert (result.code, error_line(result)) == (65, "pipe is a device or a pipe, not a receipt: name a file")


def test_a_shift_is_warned_of(compared: Command) -> None:
    """Predictions that have shifted give a warning and the numbers, but do not change the exit code."""
    result = compared("worse.csv", "--compare-to", RECEIPT, "--json", "-q")
    assert result.code == 0
    drift = json.loads(result.stdout)["drift"]
    assert drift["labels"] > 5
    assert drift["tokens"] == 0
    assert drift["mean_polarity"] < -1
    said = f"the predictions have shifted since the run compared to: labels by {drift['labels']:.2f}"
    assert result.stderr == f"Warning: {said}\n"
    event = json.loads(compared("worse.csv", "-o", "2.csv", "--compare-to", RECEIPT, "-q", "--log-format=json").stderr)
    assert (event["event"], event["level"], event["message"]) == ("warning", "warning", said)


@pytest.mark.parametrize(("bad", "rows", "warned"), [(7, 100, False), (8, 100, True), (2, 10, False)])
def test_which_shift_is_large(compared: Command, bad: int, rows: int, warned: bool) -> None:
    """From 100 good reviews, 93 and 7 bad ones are 0.19 away, and 92 and 8 are 0.23: above 0.2 it is warned of.

    Not of 0.91 where it may be chance: with 8 and 2.
    """
    write_table(compared.folder / "some.csv", [{"text": "bad" if row < bad else "good"} for row in range(rows)])
    result = compared("some.csv", "--compare-to", RECEIPT, "-q")
    assert (result.code, "shifted since the run compared to: labels by 0.23" in result.stderr) == (0, warned)
    assert warned or result.stderr == ""


def test_a_shift_that_is_too_large(compared: Command, command: Command) -> None:
    """--max-shift fails the run with 65, but what was written stays and can be verified."""
    result = compared("worse.csv", "--compare-to", RECEIPT, "--max-shift", "1.5", "--metrics-file", "x.prom")
    assert result.code == 65
    # 2 (p - q) ln(p / q) of the shares 100.5 and 0.5 in 101
    assert "labels by 10.50, more than 1.5: all is written" in error_line(result)
    assert command("verify", "worse.scored.csv").code == 0
    metrics = (command.folder / "x.prom").read_text()
    assert 'sentiment_batch_drift_stability_index{distribution="labels"} 10.50' in metrics
    assert "sentiment_batch_run_exit_code 65\n" in metrics


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--max-shift", "1"), 2, "name its receipt with --compare-to"),
        (("--compare-to", "nowhere"), 66, "nowhere: no such file"),
        (("--compare-to", "same.csv"), 2, "same.csv is not a receipt: name that of an output, such as same.csv.r"),
        (("--compare-to", "."), 2, ". is not a receipt"),
    ],
)
def test_nothing_to_compare_to(compared: Command, options: tuple[str, ...], code: int, message: str) -> None:
    """A comparison that cannot be made is reported before anything is scored."""
    result = compared("same.csv", *options)
    assert result.code == code
    assert message in error_line(result)
    assert not Path(compared.folder / "same.scored.csv").exists()


def test_nothing_new(compared: Command) -> None:
    """A run without new reviews has no drift."""
    for name in ("inbox", "scored"):
        (compared.folder / name).mkdir()
    result = compared("inbox/", "-o", "scored/", "--new-only", "--compare-to", RECEIPT, "--max-shift", "0", "--json")
    assert result.code == 0
    assert "drift" not in json.loads(result.stdout)
