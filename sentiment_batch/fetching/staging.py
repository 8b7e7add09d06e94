"""Stage fetched files in a hidden folder, and move them into the target folder once complete."""

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from sentiment_batch.durable import sync_folder
from sentiment_batch.errors import CannotWriteError, TryAgainError, UsageError

_FOLDER = ".fetching"
_WORTH_KEEPING = 100_000  # bytes


class Staging:
    """A staging folder, opened by `staged`.

    `download` is kept for the next run if this one fails; `files` does not exist yet.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self.folder = target / _FOLDER
        self.download = self.folder / "download"
        self.files = self.folder / "files"

    def publish(self, files: Path) -> list[Path]:
        """Move all files below `files`, a folder in here, to their places in the target; returns these, sorted.

        Raises UsageError, and moves nothing, if a different file is at one of them; an identical one is fine.
        """
        names = sorted(path.relative_to(files) for path in files.rglob("*") if path.is_file())
        for name in names:
            _require_free(self._target / name, files / name)
        for name in names:
            with (files / name).open("rb") as file:
                os.fsync(file.fileno())
            (self._target / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).replace(self._target / name)
        for folder in {folder for name in names for folder in name.parents}:
            sync_folder(self._target / folder)
        return [self._target / name for name in names]


@contextmanager
def staged(target: Path) -> Iterator[Staging]:
    """Open a hidden folder in `target`, which is created if missing, for one process at a time.

    Raises CannotWriteError for file-system errors, TryAgainError if another process is using `target`.
    """
    if not target.absolute().parent.is_dir():
        raise CannotWriteError(f"no folder {target.parent}: create it first")
    is_new = not target.exists()
    staging = Staging(target)
    try:
        target.mkdir(exist_ok=True)
        staging.folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:
        raise CannotWriteError(f"{target} is a file: name a folder") from error
    except OSError as error:
        raise CannotWriteError(f"{error.filename}: {error.strerror}") from error
    with _locked(staging.folder / "lock", target):
        shutil.rmtree(staging.files, ignore_errors=True)
        try:
            staging.download.mkdir(exist_ok=True)
            yield staging
            shutil.rmtree(staging.download, ignore_errors=True)
        except OSError as error:
            failure = CannotWriteError(f"{error.filename or target}: {error.strerror or error}")
            _keep(staging.download, failure)
            raise failure from error
        except BaseException as error:
            _keep(staging.download, error)
            raise
        finally:
            shutil.rmtree(staging.files, ignore_errors=True)
            if not staging.download.exists():
                shutil.rmtree(staging.folder, ignore_errors=True)
                if is_new:
                    with suppress(OSError):  # it is not empty
                        target.rmdir()


def _keep(download: Path, error: BaseException) -> None:
    """Keep a download that is worth resuming and say so in a note; remove any other."""
    size = sum(path.stat().st_size for path in download.rglob("*") if path.is_file())
    if size >= _WORTH_KEEPING:
        error.add_note(f"{size / 1e6:,.1f} MB are kept: run the same command again to continue")
    else:
        shutil.rmtree(download, ignore_errors=True)


def _require_free(path: Path, new: Path) -> None:
    same = path.is_file() and not path.is_symlink() and filecmp.cmp(path, new, shallow=False)
    if os.path.lexists(path) and not same:
        raise UsageError(f"{path} exists with other content: choose another folder with -o, or move it away")


@contextmanager
def _locked(path: Path, target: Path) -> Iterator[None]:
    """Hold a kernel lock, which is released however the process ends."""
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise TryAgainError(f"{target}: another run is fetching into it: try again when it is done") from error
    try:
        yield
    finally:
        lock.release()
