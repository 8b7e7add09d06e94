"""The progress bar is shown on a terminal and nowhere else."""

import json
import re

import pytest
from cli.process import Command
from cli.tables import write_table
from cli.terminal import EVERY_UPDATE, run_on_terminal

ROWS = 20_000  # three chunks


@pytest.fixture
def many(score: Command) -> Command:
    write_table(score.folder / "r.parquet", [{"text": "good"}] * ROWS)
    return score


def test_bar_on_a_terminal(many: Command) -> None:
    """A terminal shows rows done, total rows, rows per second and time left."""
    shown = run_on_terminal(many, "r.parquet")
    assert re.search(r"20\.0k/20\.0k \[\d\d:\d\d<\d\d:\d\d, [\d.]+k? rows/s\]", shown)
    assert "20,000 rows: 20,000 scored" in shown


def test_no_bar_when_quiet(many: Command) -> None:
    """-q is silent on a terminal too."""
    assert run_on_terminal(many, "r.parquet", "-q") == ""


def test_no_bar_among_events(many: Command) -> None:
    """With --log-format json a terminal too gets nothing but events."""
    lines = run_on_terminal(many, "r.parquet", "--log-format", "json").splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["started", *["committed"] * 3, "finished", "summary"]


def test_no_bar_in_a_pipe(many: Command) -> None:
    """If stderr is no terminal, as in cron, only the summary is printed."""
    result = many("r.parquet", environment=EVERY_UPDATE)
    assert "\r" not in result.stderr
    assert len(result.stderr.splitlines()) == 3
