"""A run into an output: begun, or continued where an earlier process left it; one at a time."""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from sentiment_batch.durable import sync_folder
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
from sentiment_batch.identity import changes
from sentiment_batch.journal import Journal
from sentiment_batch.lock import lock_path, locked, require_unlocked
from sentiment_batch.output import Output
from sentiment_batch.overwriting import require_own
from sentiment_batch.staging import JOURNAL, Staging, remove_folder, removed_folder, staging_folder


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
    folder = staging_folder(output)
    staging = None
    try:
        with locked(output.base):
            journal, was_killed = _open_journal(folder, output, identity, restart, expected_bytes)
            staging = Staging(folder, journal, was_killed=was_killed)
            try:
                yield staging
            except (BadDataError, UsageError):
                # The input has to change, or the command: what was done would not serve again.
                with suppress(OSError):
                    remove_folder(folder)
                raise
            except BaseException as error:
                known = isinstance(error, (SentimentBatchError, OSError)) and not isinstance(error, CrashError)
                if known or not isinstance(error, Exception):
                    with suppress(OSError):
                        journal.record_stop()
                raise
            finally:
                if not journal.commits and journal.stopped:
                    with suppress(OSError):
                        remove_folder(folder)
    except filelock.Timeout as error:
        raise _busy(output) from error
    except (BadDataError, UsageError, ConfigurationError):
        raise
    except OSError as error:
        failure = CannotWriteError(f"{output.name}: {first_line(error)}")
        _say_what_is_kept(failure, staging)
        raise failure from error
    except BaseException as error:
        _say_what_is_kept(error, staging)
        raise


def require_startable(output: Output, identity: Mapping[str, Any], *, restart: bool) -> None:
    """Raise TryAgainError or ConfigurationError where `staged` would: for another run, under way or unfinished.

    Changes nothing. Raises CannotWriteError for what the file system refuses.
    """
    try:
        require_unlocked(output.base)
        if not restart:
            _require_same(unfinished(output), output, identity)
    except filelock.Timeout as error:
        raise _busy(output) from error
    except OSError as error:
        raise CannotWriteError(f"{output.name}: {first_line(error)}") from error


def _open_journal(
    folder: Path, output: Output, identity: Mapping[str, Any], restart: bool, expected_bytes: int
) -> tuple[Journal, bool]:
    """The journal of the run to continue, else of a new one; and whether the last process of the run died."""
    require_own(folder)
    require_own(removed_folder(folder))
    shutil.rmtree(removed_folder(folder), ignore_errors=True)
    journal = None if restart else Journal.read(folder / JOURNAL)
    _require_same(journal, output, identity)
    if journal is None or changes(journal.run, identity):
        shutil.rmtree(folder, ignore_errors=True)
        _require_room(output, expected_bytes)
        folder.mkdir(mode=0o700)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        journal = Journal.create(folder / JOURNAL, {"run": uuid.uuid4().hex, "started": started, **identity})
        sync_folder(folder.parent)
        return journal, False
    journal.cut_torn_tail()
    return journal, not journal.stopped


def _require_same(journal: Journal | None, output: Output, identity: Mapping[str, Any]) -> None:
    """Raise ConfigurationError if an unfinished run of another identity has committed something."""
    if journal and journal.commits and (changed := changes(journal.run, identity)):
        if is_retry(journal.run) != is_retry(identity):
            raise ConfigurationError(
                f"{output.name}: a run of `{'retry-rejects' if is_retry(journal.run) else 'score'}` into it is "
                "unfinished: run that command again first, or discard its work with --restart"
            )
        raise ConfigurationError(
            f"{output.name}: a run that began at {journal.run['started']} is unfinished, and {'; '.join(changed)}: "
            "undo the change to continue it, or discard its work with --restart"
        )


def unfinished(output: Output) -> Journal | None:
    """The journal of an unfinished run; raises CannotWriteError for one that is not this user's own to read."""
    folder = staging_folder(output)
    try:
        require_own(folder)
        return Journal.read(folder / JOURNAL)
    except OSError as error:
        raise CannotWriteError(f"{output.name}: {first_line(error)}") from error


def is_retry(run: Mapping[str, Any]) -> bool:
    """Whether it is a run of `retry-rejects`, and not of `score`."""
    return "retried_receipt" in run


def _busy(output: Output) -> TryAgainError:
    journal = unfinished(output)
    since = f" since {journal.run['started']}" if journal else ""
    return TryAgainError(f"{output.name}: another run has been writing it{since}: try again when it is done")


def _say_what_is_kept(error: BaseException, staging: Staging | None) -> None:
    rows = staging.tally.rows_in if staging else 0
    if rows:
        error.add_note(f"{rows:,} rows are kept: run the same command again to continue")


def clear_traces(output: Output) -> None:
    """Remove a lock file or a folder being removed that a run has left which was stopped at its very end."""
    folder = staging_folder(output)
    with suppress(OSError, filelock.Timeout):
        if not folder.exists() and (removed_folder(folder).exists() or lock_path(output.base).exists()):
            with locked(output.base):
                shutil.rmtree(removed_folder(folder), ignore_errors=True)


def _require_room(output: Output, expected_bytes: int) -> None:
    total, _, free = shutil.disk_usage(output.base.parent)
    if total and free < expected_bytes:  # a file system without a size, such as ramfs, has a total of 0
        raise CannotWriteError(
            f"{output.name}: about {expected_bytes / 1e6:,.0f} MB are needed in {output.base.parent}, "
            f"{free / 1e6:,.0f} MB are free: make room, or keep fewer columns (--columns)"
        )
