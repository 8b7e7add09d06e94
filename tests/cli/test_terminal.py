"""The progress bar: on a terminal, and nowhere else."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from cli.process import Command
from cli.tables import write_table

ROWS = 20_000  # three chunks
EVERY_UPDATE = {"TQDM_MININTERVAL": "0", "TQDM_MINITERS": "0"}


def run_on_terminal(score: Command, *arguments: str) -> str:
    """What the command shows on a terminal 100 characters wide."""
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    null = subprocess.DEVNULL
    with score.start(*arguments, stdin=null, stdout=null, stderr=stderr, environment=EVERY_UPDATE) as process:
        os.close(stderr)
        shown = b""
        while part := _read(terminal):
            shown += part
    os.close(terminal)
    assert process.returncode == 0
    return shown.decode("utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux's end of file, when the last process has closed its side
        return b""


@pytest.fixture
def many(score: Command) -> Command:
    write_table(score.folder / "r.parquet", [{"text": "good"}] * ROWS)
    return score


def test_bar_on_a_terminal(many: Command) -> None:
    """A terminal shows rows done, rows in all, rows a second and time left."""
    shown = run_on_terminal(many, "r.parquet")
    assert re.search(r"20\.0k/20\.0k \[\d\d:\d\d<\d\d:\d\d, [\d.]+k? rows/s\]", shown)
    assert "20,000 rows: 20,000 scored" in shown


def test_no_bar_when_quiet(many: Command) -> None:
    """-q is silent on a terminal too."""
    assert run_on_terminal(many, "r.parquet", "-q") == ""


def test_no_bar_in_a_pipe(many: Command) -> None:
    """Where stderr is no terminal, as in cron, there is the summary alone."""
    result = many("r.parquet", environment=EVERY_UPDATE)
    assert "\r" not in result.stderr
    assert len(result.stderr.splitlines()) == 3
