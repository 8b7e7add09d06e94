"""The folder beside an output in which a run keeps what it has finished until the output is complete.

A chunk is committed in two steps: its part, synced under its name, then one line in the journal. Whatever stops the
run between two system calls, the journal never names a part that is not there.
"""

import hashlib
import io
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import pyarrow as pa

from sentiment_batch.bundle import sha256_of
from sentiment_batch.durable import rename, replacing, sync_folder
from sentiment_batch.errors import BadDataError, CannotWriteError, ConfigurationError, TryAgainError, UsageError
from sentiment_batch.journal import Commit, Journal, Tally

_JOURNAL = "journal.jsonl"


class Part(NamedTuple):
    """The rows of a chunk as the output gets them, and the lines of the rejects file; see Sink.write."""

    records: pa.RecordBatch
    predictions: pa.RecordBatch
    lines: list[str] | None
    rejects: list[str]


class Staging:
    """Open one with `staged`. `run` says what the run is, with its id and when it began."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal

    @property
    def run(self) -> dict[str, Any]:
        return self._journal.run

    @property
    def commits(self) -> list[Commit]:
        """In the order of the input."""
        return [commit for _, commit in sorted(self._journal.commits.items())]

    def finished(self, chunk: int) -> Commit | None:
        """The chunk's commit, if there is one and its part is what was committed."""
        commit = self._journal.commits.get(chunk)
        if commit is None:
            return None
        with suppress(OSError):
            if sha256_of(self._part(chunk)) == commit.part_sha256:
                return commit
        return None

    def commit(self, chunk: int, content_sha256: str, part: Part, tally: Tally) -> None:
        """Keep a chunk's part for good; raises OSError."""
        content = _to_bytes(part)
        path = self._part(chunk)
        with replacing(path, path.with_suffix(".partial")) as stream:
            stream.write(content)
        self._journal.add(Commit(chunk, content_sha256, hashlib.sha256(content).hexdigest(), tally))

    def parts(self) -> Iterator[Part]:
        """All parts, in the order of the input."""
        for commit in self.commits:
            yield _from_bytes(self._part(commit.chunk).read_bytes())

    def file(self, name: str) -> Path:
        """Where to write a file that is to be published under another name."""
        return self._folder / name

    def publish(self, output: Path, target: Path) -> None:
        """Put the finished output, a synced file of this folder, in its place; raises OSError."""
        self._journal.publish(sha256_of(output))
        rename(output, target)

    def remove(self) -> None:
        """Remove the folder: at once, as far as another run can tell."""
        removed = _removed(self._folder)
        self._folder.rename(removed)
        # Everything is done: what cannot be removed is left to the next run.
        shutil.rmtree(removed, ignore_errors=True)

    def _part(self, chunk: int) -> Path:
        return self._folder / f"part-{chunk:05d}.arrow"


@contextmanager
def staged(
    target: Path, identity: Mapping[str, Any], *, restart: bool = False, expected_bytes: int = 0
) -> Iterator[Staging]:
    """The staging folder of `target`, for one run at a time, with what an earlier run of the same `identity` finished.

    `identity` is whatever changes the result. Raises TryAgainError if another run is writing this output;
    ConfigurationError, naming what changed, if one of another identity was left unfinished and `restart` does not
    throw it away; CannotWriteError if the disk has no room for `expected_bytes` more.
    """
    folder = _folder(target)
    with _locked(target):
        _require_own(folder)
        _require_own(_removed(folder))
        shutil.rmtree(_removed(folder), ignore_errors=True)
        journal = None if restart else Journal.read(folder / _JOURNAL)
        if journal is None or not journal.commits:  # there is nothing to keep
            shutil.rmtree(folder, ignore_errors=True)
            _require_room(target, expected_bytes)
            folder.mkdir(mode=0o700)
            started = datetime.now(UTC).isoformat(timespec="seconds")
            journal = Journal.create(folder / _JOURNAL, {"run": uuid.uuid4().hex, "started": started, **identity})
            sync_folder(folder.parent)
        changes = _changes(journal.run, identity)
        if changes:
            raise ConfigurationError(
                f"{target.name}: a run that began at {journal.run['started']} is unfinished, and {'; '.join(changes)}: "
                "undo that to continue it, or throw away what it has done with --restart"
            )
        journal.cut_torn_tail()
        try:
            yield Staging(folder, journal)
        except (BadDataError, UsageError):
            # The input has to change, or the command: what was done would not serve again.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            if not journal.commits:
                shutil.rmtree(folder, ignore_errors=True)


def is_published(target: Path) -> bool:
    """Whether `target` is the output of a run that was stopped right after it had put it there.

    Of one that was stopped even later, with nothing left to do, the traces are removed.
    """
    folder = _folder(target)
    with suppress(OSError):
        journal = Journal.read(folder / _JOURNAL)
        if journal:
            return journal.published_sha256 == sha256_of(target)
        if _removed(folder).exists() or _lock_path(target).exists():
            with suppress(TryAgainError), _locked(target):
                shutil.rmtree(_removed(folder), ignore_errors=True)
    return False


def _folder(target: Path) -> Path:
    return target.with_name(f".{target.name}.staging")


def _removed(folder: Path) -> Path:
    return folder.with_suffix(".removed")


def _lock_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the kernel's lock for `target`; it ends with the process, however that ends."""
    path = _lock_path(target)
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        journal = Journal.read(_folder(target) / _JOURNAL)
        since = f" since {journal.run['started']}" if journal else ""
        raise TryAgainError(
            f"{target.name}: another run has been writing it{since}: try again when it is done"
        ) from error
    try:
        yield
    finally:
        # A file that stays holds nobody up: the kernel's lock ends with the process.
        with suppress(OSError):
            # While it is still held: who opens the same path later gets a file of its own.
            path.unlink(missing_ok=True)
            lock.release()


def _require_own(folder: Path) -> None:
    """Raise CannotWriteError for a link, or another user's folder: in a shared place it can hold and do anything."""
    with suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise CannotWriteError(f"{folder} is not this user's own folder: remove it, or choose another output")


def _require_room(target: Path, expected_bytes: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < expected_bytes:
        raise CannotWriteError(
            f"{target.name}: about {expected_bytes / 1e6:,.0f} MB are needed beside it, {free / 1e6:,.0f} MB are free: "
            "make room, or keep fewer columns (--columns)"
        )


def _changes(run: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """In words, what is not as it was."""
    changes = []
    for name, now in identity.items():
        before = run.get(name)
        if isinstance(now, dict) and isinstance(before, dict):
            changes += [
                f"{key} was {before.get(key)}, is {value}" for key, value in now.items() if before.get(key) != value
            ]
        elif before != now:
            changes.append(f"the {name.replace('_', ' ')} changed")
    return changes


def _to_bytes(part: Part) -> bytes:
    content = io.BytesIO()
    lines = None if part.lines is None else [line.encode("utf-8", "surrogatepass") for line in part.lines]
    for batch in (part.records, part.predictions, _column("line", lines), _column("reject", part.rejects)):
        with pa.ipc.new_stream(content, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
            stream.write_batch(batch)
    return content.getvalue()


def _from_bytes(content: bytes) -> Part:
    stream = pa.BufferReader(content)
    # Read to its end, each stream leaves the place where the next begins.
    [[records], [predictions], [lines], [rejects]] = [list(pa.ipc.open_stream(stream)) for _ in range(4)]
    as_read = [line.decode("utf-8", "surrogatepass") for line in lines.column(0).to_pylist()] if lines.columns else None
    return Part(records, predictions, as_read, [line.decode("utf-8") for line in rejects.column(0).to_pylist()])


def _column(name: str, values: Sequence[str | bytes] | None) -> pa.RecordBatch:
    """One binary column; none if there are no values to speak of."""
    return pa.record_batch({} if values is None else {name: pa.array(values, pa.large_binary())})
