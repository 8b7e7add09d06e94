"""Outputs that cannot be written, and runs that are stopped, leave nothing half-written."""

import os
import resource
import signal

import pytest
from cli.process import Command, Result, error_line
from cli.tables import MORE_THAN_A_PIPE_HOLDS, write_table


def _two_blocks_per_file() -> None:
    """Make writing beyond 8 KiB fail with EFBIG, as a full disk does with ENOSPC."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_a_signal(score: Command, number: signal.Signals, code: int) -> None:
    """Ctrl-C and SIGTERM in mid-run leave neither output nor temporary file, even twice at once, as timeout(1) sends
    them.
    """
    with score.start("-", "-o", "out.csv") as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        process.stdin.flush()
        assert sorted(score.contents()) == [".out.csv.lock", ".out.csv.staging/journal.jsonl"]
        process.send_signal(number)
        process.send_signal(number)
        result = Result(process.wait(), "", process.stderr.read().decode())
    assert result.code == code
    assert error_line(result).startswith("stopped")
    assert score.contents() == {}


def test_signals_that_are_ignored(score: Command) -> None:
    """A run that was started to ignore Ctrl-C, as with nohup or in the background, goes on to its end."""
    with score.start("-", "-q", before=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        assert process.stdin
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate()
    assert (process.returncode, stderr, stdout.count(b"\n")) == (0, b"", MORE_THAN_A_PIPE_HOLDS.count(b"\n"))


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.zst", "jsonl", "parquet"])
def test_full_disk(score: Command, suffix: str) -> None:
    """A disk that fills up gives exit code 73; the old output stays, the new one leaves no trace."""
    rows = [{"id": os.urandom(16).hex(), "text": "good"} for _ in range(2000)]
    write_table(score.folder / f"r.{suffix}", rows)
    (score.folder / f"r.scored.{suffix}").write_text("old")
    before = score.contents()
    result = score(f"r.{suffix}", "--force", before=_two_blocks_per_file)
    assert error_line(result) == f"r.scored.{suffix}: File too large"
    assert result.code == 73
    assert score.contents() == before


@pytest.mark.parametrize("output", ["nowhere/out.csv", "nowhere/out/"])
def test_no_output_folder(score: Command, output: str) -> None:
    """An output folder that does not exist is named, not created."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "-o", output)
    assert result.code == 73
    assert error_line(result).endswith(": no folder nowhere/: create it first")
    assert list(score.contents()) == ["r.csv"]


def test_link_as_output(score: Command) -> None:
    """A symbolic link is not written through."""
    write_table(score.folder / "r.csv")
    (score.folder / "out.csv").symlink_to("elsewhere.csv")
    result = score("r.csv", "-o", "out.csv", "--force")
    assert (result.code, error_line(result)) == (73, "out.csv is a symbolic link: name the file itself")


def test_pipe_as_file(score: Command) -> None:
    """A path that is neither file nor folder is not replaced by a file, nor read as one."""
    write_table(score.folder / "r.csv")
    os.mkfifo(score.folder / "pipe.csv")
    result = score("r.csv", "-o", "pipe.csv", "--force")
    assert (result.code, error_line(result)) == (
        73,
        "pipe.csv is a device or a pipe, not a file: name a file (rows also go to -o -)",
    )
    result = score("pipe.csv")
    assert (result.code, error_line(result)) == (
        2,
        "pipe.csv is a device or a pipe, not a file: pass it to stdin (-)",
    )


def test_output_follows_the_umask(score: Command) -> None:
    """The output has the permissions that the umask gives, not those of a temporary file."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", before=lambda: os.umask(0o027)).code == 0
    assert (score.folder / "r.scored.csv").stat().st_mode & 0o777 == 0o640
