"""Unpack untrusted zip archives: only plain files inside the target folder, no larger than declared, or nothing."""

import errno
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sentiment_batch.errors import BadDataError, CannotWriteError

GIGABYTE = 10**9


def unpack(archive: Path, folder: Path, max_bytes: int) -> None:
    """Unpack into a new `folder`, at most `max_bytes` in all.

    A nested archive that holds only the file it is named after (`train.tsv.zip`: `train.tsv`) is replaced by that file.
    Raises BadDataError for an archive that is damaged, too large, or would write anything but plain files below
    `folder`; CannotWriteError if the disk has no room.
    """
    folder.mkdir()
    left = max_bytes - _extract(archive, folder, max_bytes)
    for inner in sorted(folder.rglob("*.zip")):
        if _only_wraps(inner):
            left -= _extract(inner, inner.parent, left)
            inner.unlink()


def require_safe_names(names: Sequence[str], origin: str) -> None:
    """Raise BadDataError unless the names denote distinct files below the target folder."""
    paths = [PurePosixPath(name) for name in names]
    for name in names:
        parts = re.split(r"[/\\]", name)
        if ".." in parts or not parts[0] or re.match(r"[A-Za-z]:", name) or not PurePosixPath(name).parts:
            raise BadDataError(f"{origin} holds {name!r}, which leads out of the folder: nothing was extracted")
    files = set(paths)
    if len(files) < len(paths) or any(parent in files for path in paths for parent in path.parents):
        raise BadDataError(f"{origin} holds the same name twice: nothing was extracted")


def require_allowed(size: int, max_bytes: int, what: str) -> None:
    """Raise BadDataError if `size` exceeds `max_bytes`."""
    if size > max_bytes:
        raise BadDataError(
            f"{what} has {size / GIGABYTE:,.1f} GB, and {max_bytes / GIGABYTE:,.1f} GB are allowed: "
            "to allow it, raise --max-gigabytes"
        )


def _extract(archive: Path, folder: Path, max_bytes: int) -> int:
    """Unpack one archive; returns the bytes written."""
    with _reading(archive), zipfile.ZipFile(archive) as packed:
        members = [member for member in packed.infolist() if not member.is_dir()]
        require_safe_names([member.filename for member in members], archive.name)
        for member in members:
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
                raise BadDataError(f"{archive.name} holds {member.filename!r}, which is no plain file")
            # With other methods, the standard library unpacks whole blocks at once: a gigabyte from a few bytes.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BadDataError(
                    f"{archive.name} holds {member.filename!r}, compressed with a method other than deflate"
                )
        size = sum(member.file_size for member in members)
        require_allowed(size, max_bytes, f"{archive.name}, unpacked,")
        free = shutil.disk_usage(folder).free
        if size > free:
            raise CannotWriteError(
                f"{archive.name} needs {size / 1e6:,.0f} MB unpacked, {free / 1e6:,.0f} MB are free: make room"
            )
        for member in members:
            path = folder / member.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            # No more than the declared size is read; then the checksum must match.
            with packed.open(member) as source, path.open("xb") as target:
                shutil.copyfileobj(source, target)
    return size


def _only_wraps(inner: Path) -> bool:
    wrapped = inner.with_suffix("")
    if wrapped.exists() or not zipfile.is_zipfile(inner):
        return False
    with _reading(inner), zipfile.ZipFile(inner) as packed:
        return packed.namelist() == [wrapped.name]


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, IndexError, RuntimeError, ValueError, OSError) as error:
        # IndexError: an empty name; RuntimeError: a password; ValueError and EINVAL: impossible numbers.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise BadDataError(f"{archive.name} cannot be unpacked: {error}: run the same command again") from error
