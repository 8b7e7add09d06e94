"""The folder that a bundle is built in: beside the output, and renamed to it when everything has passed."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sentiment_batch.errors import CannotWriteError
from sentiment_batch.manifest import MANIFEST


@contextlib.contextmanager
def staged(output: Path, *, force: bool) -> Iterator[Path]:
    """An empty folder that becomes `output` when the block ends well, and vanishes when it does not.

    An existing `output` must be an empty folder; `force` replaces one that holds a bundle, and nothing else. Raises
    CannotWriteError.
    """
    _check(output, force=force)
    try:
        work = tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.")
    except OSError as error:
        raise CannotWriteError(f"cannot write in {output.parent}: {error.strerror}") from error
    with work as name:
        # A folder within: the outer one is for this user's eyes only, the bundle follows the umask.
        folder = Path(name) / "bundle"
        folder.mkdir()
        yield folder
        _check(output, force=force)
        try:
            if output.exists():
                output.rename(Path(name) / "replaced")
            folder.rename(output)
        except OSError as error:
            raise CannotWriteError(f"cannot write {output}: {error.strerror}") from error


def _check(output: Path, *, force: bool) -> None:
    if not output.parent.is_dir():
        raise CannotWriteError(f"no folder {output.parent} to write {output.name} in")
    if output.is_symlink():
        raise CannotWriteError(f"{output} is a symbolic link: name the folder itself")
    if not output.exists():
        return
    if not output.is_dir():
        raise CannotWriteError(f"{output} exists and is not a folder")
    if not any(output.iterdir()):
        return
    if not (output / MANIFEST).is_file():
        raise CannotWriteError(f"{output} exists and is not a bundle: choose another folder")
    if not force:
        raise CannotWriteError(f"{output} exists: choose another folder, or replace it with --force")
