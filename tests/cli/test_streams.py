"""Standard streams that are full, that nobody reads, or that were never opened: no traceback, and no success."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.process import Command, Result, error_line
from cli.tables import MORE_THAN_A_PIPE_HOLDS, write_table
from faults.waiting import wait_until

PRINTING = [
    ("score", "-"),
    ("score", "r.csv", "-o", "-"),
    ("score", "r.csv", "--json", "-o", "new.csv"),
    ("score", "r.csv", "--dry-run", "--json"),
    ("predict", "-"),
    ("predict", "good"),
    ("predict", "--json", "good"),
    ("evaluate", "--data", "r.csv"),
    ("verify", "scored.csv", "--json"),
    ("info",),
    ("info", "--json"),
    ("--help",),
    ("score", "--help"),
    ("--version",),
]


@pytest.fixture
def run(command: Command, model: Path) -> Callable[..., Result]:
    """The command with the stand-in model where it takes one, in a folder with files to work on."""
    rows = [{"text": "good", "label": "very positive"}]
    write_table(command.folder / "r.csv", rows)
    chosen = {name: ("--model", str(model)) for name in ("score", "predict", "evaluate")}
    assert command("score", "r.csv", "-o", "scored.csv", *chosen["score"]).code == 0

    def with_model(*words: str, **streams: Any) -> Result:
        more = () if "--help" in words else chosen.get(words[0], ())
        return command(*words, *more, stdin=MORE_THAN_A_PIPE_HOLDS, **streams)

    return with_model


def without(*descriptors: int) -> Callable[[], None]:
    """Return a function that closes streams in a child, as `>&-` does."""

    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_nobody_reads(run: Callable[..., Result], words: tuple[str, ...]) -> None:
    """If the reader of stdout has gone, as with `| head`, the command fails with exit code 74."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout:
        result = run(*words, stdout=stdout)
    assert (result.code, error_line(result)) == (74, "stdout was closed before everything was written")


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_full(run: Callable[..., Result], words: tuple[str, ...]) -> None:
    """If stdout is a full disk, the command fails and says so."""
    with Path("/dev/full").open("wb") as stdout:
        result = run(*words, stdout=stdout)
    assert "No space left on device" in error_line(result)
    assert result.code in {73, 74}


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_never_opened(run: Callable[..., Result], words: tuple[str, ...]) -> None:
    """If stdout was never opened, the command fails and says so."""
    result = run(*words, before=without(1))
    assert "Bad file descriptor" in error_line(result)
    assert result.code in {73, 74}


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_streams_that_are_not_needed(run: Callable[..., Result], command: Command, closed: tuple[int, ...]) -> None:
    """Scoring from file to file needs no stream, and no opened file takes a closed stream's place."""
    assert run("score", "r.csv", before=without(*closed)).code == 0
    expected = (command.folder / "scored.csv").read_bytes()
    assert (command.folder / "r.scored.csv").read_bytes() == expected


def test_no_stdin(run: Callable[..., Result]) -> None:
    """A closed stdin is treated as an empty file."""
    result = run("score", "-", before=without(0))
    assert (result.code, error_line(result)) == (65, "-: the file is empty")


def test_streams_that_do_not_wait(score: Command) -> None:
    """No row is cut or lost if another process, such as ssh, has made pipes return at once when empty or full."""
    (reading, sent), (received, writing) = os.pipe(), os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    with score.start("-", "-q", stdin=reading, stdout=writing) as process:
        os.close(writing)
        wait_until(lambda: os.get_blocking(reading), process)
        os.write(sent, b"text\nnot go")
        os.write(sent, b"od\n" + b"good\n" * 9000)
        os.close(sent)
        with os.fdopen(received, "rb") as stdout:
            rows = stdout.read().splitlines()
        assert process.wait() == 0
    os.close(reading)
    assert (len(rows), rows[1].partition(b",")[0]) == (9002, b"not good")


@pytest.mark.parametrize("extra", [(), ("-v",), ("--log-format", "json")])
@pytest.mark.parametrize(("words", "code"), [(("missing.csv",), 66), (("--nonsense",), 2), (("r.csv", "-o", "-"), 0)])
def test_nobody_to_tell(run: Callable[..., Result], words: tuple[str, ...], code: int, extra: tuple[str, ...]) -> None:
    """The exit code tells what became of the run even if stderr takes nothing; it goes on all the same."""
    assert run("score", *words, *extra, before=without(2)).code == code
    with Path("/dev/full").open("wb") as full:
        assert run("score", *words, *extra, before=lambda: os.dup2(full.fileno(), 2)).code == code
