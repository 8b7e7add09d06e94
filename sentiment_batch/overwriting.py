"""What may be written over: what is ours, with --force; never what is somebody else's."""

import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sentiment_batch.errors import CannotWriteError, UsageError


def require_replaceable(name: str, *, exists: bool, foreign: Sequence[str], force: bool) -> None:
    """Raise UsageError if the output called `name` exists and may not be replaced.

    `foreign` is what a folder holds that no command of ours has put there: such a folder is never replaced.
    """
    if foreign:
        raise UsageError(f"{name} holds {foreign[0]!r}, which sentiment-batch has not put there: choose another folder")
    if exists and not force:
        raise UsageError(f"{name} exists: choose another output, or replace it with --force")


def require_replaceable_folder(folder: Path, mark: str, ours: re.Pattern[str], *, force: bool) -> None:
    """Raise UsageError for a folder that may not be replaced, or CannotWriteError for what can never be one.

    What a command writes into such a folder has names that match `ours`; without a file called `mark`, none of it is.
    """
    if folder.is_symlink():
        raise CannotWriteError(f"{folder} is a symbolic link: name the folder itself")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CannotWriteError(f"{folder} is a file, not a folder: choose another output")
    if folder.is_mount():
        raise CannotWriteError(f"{folder} is a mount point, which cannot be replaced: name a folder in it")
    names = sorted(path.name for path in folder.iterdir())
    foreign = [name for name in names if mark not in names or not ours.fullmatch(name)]
    require_replaceable(str(folder), exists=bool(names), foreign=foreign, force=force)


def require_own(folder: Path) -> None:
    """Raise CannotWriteError for a link, or another user's folder: in a shared place it can hold and do anything."""
    with suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise CannotWriteError(
                f"{folder} is not this user's own folder: choose another output, or, unless another user's run is "
                "at work in it, remove it"
            )
