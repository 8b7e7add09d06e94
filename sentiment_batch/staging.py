"""The folder beside an output in which a run keeps what it has finished until the output is complete.

A chunk is committed in two steps: its part, synced under its name, then one line in the journal. Whatever stops the
run between two system calls, the journal never names a part that is not there.
"""

import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from sentiment_batch.durable import replacing, sync_folder
from sentiment_batch.errors import (
    BadDataError,
    CannotWriteError,
    ConfigurationError,
    CrashError,
    SentimentBatchError,
    TryAgainError,
    UsageError,
    first_line,
)
from sentiment_batch.hashing import sha256_of
from sentiment_batch.journal import Commit, Journal, Tally
from sentiment_batch.locations import Location
from sentiment_batch.lock import lock_path, locked
from sentiment_batch.output import Output
from sentiment_batch.parts import Part

_JOURNAL = "journal.jsonl"


class Staging:
    """Open one with `staged`.

    `run` says what the run is, with its id and when it began; `was_killed`, whether the last process of it died, or
    ended in a way that nobody had thought of.
    """

    def __init__(self, folder: Path, journal: Journal, *, was_killed: bool) -> None:
        self._folder = folder
        self._journal = journal
        self.was_killed = was_killed

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

    def commit(
        self, chunk: int, content_sha256: str, part: Part, tally: Tally, crashed_rows: Sequence[int] = ()
    ) -> None:
        """Keep a chunk's part for good; raises OSError."""
        content = part.to_bytes()
        path = self._part(chunk)
        with replacing(path) as stream:
            stream.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self._journal.add(Commit(chunk, content_sha256, sha256, tally, list(crashed_rows)))

    def parts(self) -> Iterator[Part]:
        """All parts, in the order of the input."""
        for commit in self.commits:
            yield Part.from_bytes(self._part(commit.chunk).read_bytes())

    def file(self, name: str) -> Path:
        """Where to write a file that is to be published under another name."""
        return self._folder / name

    def publish(self, finished: Path, output: Output) -> None:
        """Put the finished output, a synced file or folder of this folder, in its place; raises OSError."""
        described = Output.at(Location.parse(str(finished))).describe()
        self._journal.publish(described["sha256"])
        output.publish(finished)

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
    output: Output, identity: Mapping[str, Any], *, restart: bool = False, expected_bytes: int = 0
) -> Iterator[Staging]:
    """The staging folder of `output`, for one run at a time, with what an earlier run of the same `identity` finished.

    `identity` is whatever changes the result. Raises TryAgainError if another run is writing this output;
    ConfigurationError, naming what changed, if one of another identity was left unfinished and `restart` does not
    throw it away; CannotWriteError if the disk has no room for `expected_bytes` more. Any OSError in the block becomes
    a CannotWriteError, and whatever ends it early says how many rows are kept for the next run.
    """
    folder = _folder(output)
    staging = None
    try:
        with locked(output.base):
            journal, was_killed = _open_journal(folder, output, identity, restart, expected_bytes)
            staging = Staging(folder, journal, was_killed=was_killed)
            try:
                yield staging
            except (BadDataError, UsageError):
                # The input has to change, or the command: what was done would not serve again.
                shutil.rmtree(folder, ignore_errors=True)
                raise
            except BaseException as error:
                known = isinstance(error, (SentimentBatchError, OSError)) and not isinstance(error, CrashError)
                if known or not isinstance(error, Exception):
                    with suppress(OSError):
                        journal.stop()
                raise
            finally:
                if not journal.commits and journal.stopped:
                    shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout as error:
        since = _started(folder)
        raise TryAgainError(
            f"{output.name}: another run has been writing it{since}: try again when it is done"
        ) from error
    except (BadDataError, UsageError, ConfigurationError):
        raise
    except OSError as error:
        failure = CannotWriteError(f"{output.name}: {first_line(error)}")
        _say_what_is_kept(failure, staging)
        raise failure from error
    except BaseException as error:
        _say_what_is_kept(error, staging)
        raise


def _open_journal(
    folder: Path, output: Output, identity: Mapping[str, Any], restart: bool, expected_bytes: int
) -> tuple[Journal, bool]:
    """That of the run to continue, else of a new one; and whether the last process of it died."""
    _require_own(folder)
    _require_own(_removed(folder))
    shutil.rmtree(_removed(folder), ignore_errors=True)
    journal = None if restart else Journal.read(folder / _JOURNAL)
    if journal is None or (not journal.commits and _changes(journal.run, identity)):  # there is nothing to keep
        shutil.rmtree(folder, ignore_errors=True)
        _require_room(output, expected_bytes)
        folder.mkdir(mode=0o700)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        journal = Journal.create(folder / _JOURNAL, {"run": uuid.uuid4().hex, "started": started, **identity})
        sync_folder(folder.parent)
        return journal, False
    changes = _changes(journal.run, identity)
    if changes:
        raise ConfigurationError(
            f"{output.name}: a run that began at {journal.run['started']} is unfinished, and {'; '.join(changes)}: "
            "undo that to continue it, or throw away what it has done with --restart"
        )
    journal.cut_torn_tail()
    return journal, not journal.stopped


def _started(folder: Path) -> str:
    journal = Journal.read(folder / _JOURNAL)
    return f" since {journal.run['started']}" if journal else ""


def _say_what_is_kept(error: BaseException, staging: Staging | None) -> None:
    rows = sum(commit.tally.rows_in for commit in staging.commits) if staging else 0
    if rows:
        error.add_note(f"{rows:,} rows are kept: the same command again continues")


def is_published(output: Output) -> bool:
    """Whether what stands there is the output of a run that was stopped right after it had put it there."""
    with suppress(OSError, ConfigurationError):  # a journal of another version is complained of where it is opened
        journal = Journal.read(_folder(output) / _JOURNAL)
        if journal and journal.published_sha256:
            # In a store, a folder may be there in part.
            return not output.location.is_local or journal.published_sha256 == output.describe()["sha256"]
    return False


def clear_traces(output: Output) -> None:
    """Remove what a run left that was stopped with nothing left to do."""
    folder = _folder(output)
    if not folder.exists() and (_removed(folder).exists() or lock_path(output.base).exists()):
        with suppress(OSError, filelock.Timeout), locked(output.base):
            shutil.rmtree(_removed(folder), ignore_errors=True)


def _folder(output: Output) -> Path:
    return output.base.with_name(f".{output.base.name}.staging")


def _removed(folder: Path) -> Path:
    return folder.with_suffix(".removed")


def _require_own(folder: Path) -> None:
    """Raise CannotWriteError for a link, or another user's folder: in a shared place it can hold and do anything."""
    with suppress(FileNotFoundError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise CannotWriteError(f"{folder} is not this user's own folder: remove it, or choose another output")


def _require_room(output: Output, expected_bytes: int) -> None:
    free = shutil.disk_usage(output.base.parent).free
    if free < expected_bytes:
        raise CannotWriteError(
            f"{output.name}: about {expected_bytes / 1e6:,.0f} MB are needed beside it, {free / 1e6:,.0f} MB are free: "
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
