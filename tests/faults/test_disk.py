"""Limits that the system sets: sizes of files, descriptors, and a disk that is really full."""

import os
import resource
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cli.process import SCRIPT
from faults.conftest import NewTrial
from faults.trial import DONE, OUTPUT

from sentiment_batch.journal import Commit, Journal, Tally

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare, to mount a small disk"
)


@pytest.mark.parametrize("size", [300, 1000, 70_000, 200_000])
def test_file_too_large(new_trial: NewTrial, size: int) -> None:
    """A limit on the size of files is a clean error, wherever it is met, in the middle of a write too."""
    trial = new_trial("file too large")
    result = trial.run(before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    message = trial.require_failure(result)
    assert message.startswith(f"{OUTPUT}: File too large")
    trial.require_honest(message)
    trial.require_recovery()


@pytest.mark.parametrize("descriptors", [8, 10, 12, 16])
def test_out_of_descriptors(new_trial: NewTrial, descriptors: int) -> None:
    """A run without enough descriptors fails cleanly, or does without."""
    trial = new_trial("out of descriptors")
    result = trial.run(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
    if result.code != DONE:
        trial.require_honest(trial.require_failure(result))
    trial.require_recovery()


@needs_root
@pytest.mark.parametrize("options", ["size=512k", "size=2m,nr_inodes=6"])
def test_full_disk(new_trial: NewTrial, options: str) -> None:
    """A disk without room, or without inodes, is told on stderr; with room, the same command completes."""
    trial = new_trial("full disk")
    (trial.folder / "r.csv").rename(trial.folder.parent / "saved.csv")
    script = f"""
        mount -t tmpfs -o {options} tmpfs "$PWD" && cd "$PWD" && cp -p ../saved.csv r.csv
        "$@" 2> ../log; echo $? >> ../codes
        mount -o remount,size=16m,nr_inodes=1000 "$PWD"
        "$@"; echo $? >> ../codes
        cp -a . ../after
    """
    command = [SCRIPT, *trial.score.words, *trial.arguments]
    subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *command], cwd=trial.folder, check=True)
    outside = trial.folder.parent
    assert (outside / "codes").read_text().split() == ["73", str(DONE)]
    [message] = (outside / "log").read_text().splitlines()
    assert message.startswith("Error: ")
    assert "No space left on device" in message
    replace(trial, score=replace(trial.score, folder=outside / "after")).require_done()


def test_part_of_a_journal_line(tmp_path: Path) -> None:
    """A commit of which the disk takes a part is no commit, and says so."""
    journal = Journal.create(tmp_path / "journal.jsonl", {"run": "1"})
    whole = journal.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            journal.add(Commit(0, "content", "part", Tally(1)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert journal.path.stat().st_size == whole + 10
    assert journal.commits == {}
