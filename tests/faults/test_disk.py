"""System limits on file size and descriptors, and disks that are full or break."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.conftest import NewTrial
from faults.disk import Disk, needs_loop_devices, needs_mounts
from faults.injection import Calls, each, needs_strace
from faults.trial import DONE, OUTPUT, Trial
from faults.waiting import continue_stopped

from sentiment_batch.journal import Commit, Journal, Tally


@pytest.mark.parametrize("size", [300, 1000, 70_000, 200_000])
def test_file_too_large(new_trial: NewTrial, size: int) -> None:
    """A limit on file size gives a clean error wherever it is hit, even in the middle of a write."""
    trial = new_trial("file too large")
    result = trial.run(before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    message = trial.require_failure(result)
    assert message.startswith(f"{OUTPUT}: File too large")
    trial.require_honest(message)
    trial.require_recovery()


@pytest.mark.parametrize("descriptors", [8, 10, 12, 16])
def test_out_of_descriptors(new_trial: NewTrial, descriptors: int) -> None:
    """A run without enough descriptors fails cleanly or manages without."""
    trial = new_trial("out of descriptors")
    result = trial.run(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
    if result.code != DONE:
        trial.require_honest(trial.require_failure(result))
    trial.require_recovery()


@needs_mounts
@pytest.mark.parametrize("options", ["size=512k", "size=2m,nr_inodes=6"])
def test_full_disk(new_trial: NewTrial, options: str) -> None:
    """A disk without space or inodes is reported on stderr; once there is room, the same command completes."""
    with Disk(new_trial("full disk"), "-t", "tmpfs", "-o", options, "tmpfs") as disk:
        result = disk.trial.run()
        assert result.code == 73
        assert "No space left on device" in disk.trial.require_failure(result)
        disk.remount("size=16m,nr_inodes=1000")
        disk.trial.require_recovery()


@needs_mounts
def test_disk_without_a_size(new_trial: NewTrial) -> None:
    """A file system that does not say how much room it has will do."""
    with Disk(new_trial("none"), "-t", "ramfs", "ramfs") as disk:
        assert disk.trial.run().code == DONE
        disk.trial.require_done()


@needs_strace
@needs_mounts
@needs_loop_devices
@pytest.mark.parametrize(
    ("fault", "breaks"), [("disk turns read-only", Disk.find_damage), ("disk goes away", Disk.lose_power)]
)
def test_disk_breaks(new_trial: NewTrial, calls: Calls, fault: str, breaks: Callable[[Disk], None]) -> None:
    """A disk that turns read-only or goes away in mid-run is reported on stderr; once it is back, nothing is lost."""

    def attempt(trial: Trial, number: int) -> None:
        with Disk.ext4(trial) as disk:
            result = continue_stopped(disk.trial, "fsync", number, lambda _: breaks(disk))
            message = disk.trial.require_failure(result)
            disk.restart()
            disk.trial.require_honest(message)
            disk.trial.require_recovery()

    each(calls.numbers("fsync"), lambda: new_trial(fault, b"old"), attempt)


def test_part_of_a_journal_line(tmp_path: Path) -> None:
    """A commit of which the disk takes only a part is no commit, and raises an error."""
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
