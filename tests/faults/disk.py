"""Small file systems to fill and to break, each mounted over a trial's folder for its own processes alone."""

import fcntl
import os
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from faults.trial import Trial

_EXT4_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
_WITHOUT_LOG_FLUSH = 2


def _can_mount() -> bool:
    tools = ("unshare", "nsenter", "mount", "mkfs.ext4")
    return os.geteuid() == 0 and all(map(shutil.which, tools)) and _succeeds("unshare", "--mount", "true")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not _can_mount(), reason="needs root, unshare, nsenter and mkfs.ext4, to mount disks")
needs_loop_devices = pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="needs loop devices")


class Disk:
    """A disk; its `trial` is the given one, with its folder on the disk and everything else outside.

    The disk is mounted in a namespace that lives as long as a process held here: when that process ends, however the
    tests end, mount and loop device are gone.
    """

    def __init__(self, trial: Trial, *mount: str) -> None:
        """Mount the disk with the words of a `mount` command line."""
        self._place = str(trial.folder)
        self._mount = mount
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", "echo && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"\n"  # the namespace exists
        self._enter = ("nsenter", f"--target={self._holder.pid}", "--mount")
        score = replace(
            trial.score,
            folder=Path(f"/proc/{self._holder.pid}/root{self._place}"),
            runner=(*self._enter, f"--wdns={self._place}"),
        )
        self.trial = replace(trial, score=score)

    @classmethod
    def ext4(cls, trial: Trial) -> Self:
        """A disk that keeps nothing unless it is synced, for as long as a test takes."""
        image = trial.folder.with_suffix(".ext4")
        image.touch()
        os.truncate(image, 16 * 2**20)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        return cls(trial, "-o", "loop,commit=600,errors=remount-ro", str(image))

    def __enter__(self) -> Self:
        try:
            self._run("mount", *self._mount, self._place)
            for found in self.trial.folder.iterdir():
                found.rmdir()  # the lost+found of a new ext4
            self.trial.prepare()
            self._run("sync", "--file-system", self._place)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.communicate()

    def remount(self, options: str) -> None:
        self._run("mount", "-o", f"remount,{options}", self._place)

    def lose_power(self) -> None:
        """Lose at once what has not reached the ext4; from then on, writing fails."""
        descriptor = os.open(self.trial.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _EXT4_SHUTDOWN, struct.pack("I", _WITHOUT_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def find_damage(self) -> None:
        """Make the ext4 find itself damaged: from then on it is read-only."""
        number = self.trial.folder.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve().name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("1")

    def restart(self) -> None:
        """Mount the disk again, as after a restart of the machine."""
        self._run("umount", self._place)
        self._run("mount", *self._mount, self._place)

    def _run(self, *command: str) -> None:
        subprocess.run([*self._enter, *command], check=True)
