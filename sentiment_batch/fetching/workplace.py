"""Where files are made ready before they appear in the folder that they were fetched for, each of them complete."""

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


class Workplace:
    """Open one with `workplace`. `download` is kept for the next run if this one fails; `files` is not there yet."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.folder = target / _FOLDER
        self.download = self.folder / "download"
        self.files = self.folder / "files"

    def publish(self, files: Path) -> list[Path]:
        """Move all files below `files`, a folder in here, to their places in the target; returns those, sorted.

        Raises UsageError, and moves nothing, if another file is at one of them; one with the same contents may be.
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
def workplace(target: Path) -> Iterator[Workplace]:
    """A hidden folder in `target`, which is made if it is not there, for one process at a time.

    Raises CannotWriteError for what the file system refuses, TryAgainError if another process works in `target`.
    """
    if not target.absolute().parent.is_dir():
        raise CannotWriteError(f"no folder {target.parent}: create it first")
    is_new = not target.exists()
    place = Workplace(target)
    try:
        target.mkdir(exist_ok=True)
        place.folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:
        raise CannotWriteError(f"{target} is a file: name a folder") from error
    except OSError as error:
        raise CannotWriteError(f"{error.filename}: {error.strerror}") from error
    with _locked(place.folder / "lock", target):
        shutil.rmtree(place.files, ignore_errors=True)
        try:
            place.download.mkdir(exist_ok=True)
            yield place
            shutil.rmtree(place.download, ignore_errors=True)
        except OSError as error:
            failure = CannotWriteError(f"{error.filename or target}: {error.strerror or error}")
            _keep(place.download, failure)
            raise failure from error
        except BaseException as error:
            _keep(place.download, error)
            raise
        finally:
            shutil.rmtree(place.files, ignore_errors=True)
            if not place.download.exists():
                shutil.rmtree(place.folder, ignore_errors=True)
                if is_new:
                    with suppress(OSError):  # it is not empty
                        target.rmdir()


def _keep(download: Path, error: BaseException) -> None:
    """Keep what there is for the next run, and say so, if it is worth it."""
    size = sum(path.stat().st_size for path in download.rglob("*") if path.is_file())
    if size >= _WORTH_KEEPING:
        error.add_note(f"{size / 1e6:,.1f} MB are kept: the same command again goes on behind them")
    else:
        shutil.rmtree(download, ignore_errors=True)


def _require_free(path: Path, new: Path) -> None:
    same = path.is_file() and not path.is_symlink() and filecmp.cmp(path, new, shallow=False)
    if os.path.lexists(path) and not same:
        raise UsageError(f"{path} is there already, and not the same: choose another folder with -o, or move it away")


@contextmanager
def _locked(path: Path, target: Path) -> Iterator[None]:
    """Hold the kernel's lock; it ends with the process, however that ends."""
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise TryAgainError(f"{target}: another run is fetching into it: try again when it is done") from error
    try:
        yield
    finally:
        lock.release()
