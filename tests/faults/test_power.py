"""Power lost at every step: whatever was not synced is gone."""

import pytest
from faults.conftest import NewTrial
from faults.disk import Disk, needs_loop_devices, needs_mounts
from faults.injection import Calls, each, inject, needs_strace
from faults.trial import DONE, OUTPUT, RECEIPT, Trial

from sentiment_batch.hashing import sha256_of

pytestmark = [needs_strace, needs_mounts, needs_loop_devices]

STEPS = ["write", "fsync", "rename", "unlink", "unlinkat"]


@pytest.mark.parametrize("call", STEPS)
def test_power_lost_at_every_step(new_trial: NewTrial, calls: Calls, call: str) -> None:
    """After power is lost, the journal names no part that is not there, and the same command completes the run."""

    def attempt(trial: Trial, number: int) -> None:
        with Disk.ext4(trial) as disk:
            assert disk.trial.run(*inject(call, "signal=KILL", number)).code < 0
            _lose_power(disk)
            disk.trial.require_recovery()

    each(calls.numbers(call), lambda: new_trial("loss of power", b"old"), attempt)


def test_power_lost_after_the_end(new_trial: NewTrial) -> None:
    """A run that has finished stays finished."""
    with Disk.ext4(new_trial("loss of power")) as disk:
        assert disk.trial.run().code == DONE
        _lose_power(disk)
        assert (disk.trial.folder / RECEIPT).exists()
        assert (disk.trial.folder / OUTPUT).read_bytes() == disk.trial.undisturbed[OUTPUT]
        disk.trial.require_recovery()


def _lose_power(disk: Disk) -> None:
    disk.lose_power()
    disk.restart()
    for commit in disk.trial.commits():
        part = disk.trial.folder / f".{OUTPUT}.staging" / f"part-{commit['chunk']:05d}.arrow"
        assert sha256_of(part) == commit["part_sha256"]
