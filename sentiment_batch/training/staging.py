"""The staging folder beside a checkpoint, which keeps its training's progress until the checkpoint is complete.

It holds `run.json` with the training's identity, the last saved steps, and at the end `checkpoint/`, which is renamed
to the output. Until then, whatever is at the output stays as it is.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from sentiment_batch.checkpoint import read_settings
from sentiment_batch.durable import replacing
from sentiment_batch.errors import (
    CannotWriteError,
    ConfigurationError,
    DivergedError,
    TryAgainError,
    first_line,
)
from sentiment_batch.locations import Location
from sentiment_batch.lock import locked
from sentiment_batch.overwriting import require_own, require_replaceable_folder
from sentiment_batch.publishing import publish
from sentiment_batch.training.identity import changes
from sentiment_batch.training.sealing import SEAL

METRICS = "metrics.json"

_RUN = "run.json"
# Files that training, transformers included, writes into a checkpoint.
_OF_A_CHECKPOINT = re.compile(r"seed-\d+|learning_curves\.png|.*\.(json|model|safetensors|txt)")


def require_writable(output: Path, *, force: bool) -> None:
    """Raise CannotWriteError if `output` can never be a checkpoint folder, UsageError if it must not be replaced."""
    require_replaceable_folder(output, METRICS, _OF_A_CHECKPOINT, force=force)


@contextmanager
def staged(output: Path, identity: Mapping[str, Mapping[str, Any]], *, restart: bool) -> Iterator[Path]:
    """Open the staging folder, for one training at a time, with any unfinished work of the same `identity`.

    What the block leaves in `checkpoint/` becomes `output`. Raises TryAgainError if another training is writing it, and
    ConfigurationError, naming what changed, if one of another identity is unfinished and not discarded by `restart`. An
    OSError in the block becomes a CannotWriteError, and any exception gets a note of what is kept.
    """
    output = output.absolute()
    folder = output.with_name(f".{output.name}.training")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with locked(output):
            _open(folder, output, identity, restart=restart)
            with _keeping(folder):
                yield folder
                (folder / "checkpoint" / SEAL).unlink(missing_ok=True)
                publish(folder / "checkpoint", Location.parse(str(output)))
            shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout as error:
        raise TryAgainError(f"{output}: another training is writing it: try again when it is done") from error
    except OSError as error:
        failure = CannotWriteError(f"{output}: {first_line(error)}")
        failure.__notes__ = getattr(error, "__notes__", [])
        raise failure from error


@contextmanager
def _keeping(folder: Path) -> Iterator[None]:
    """Add a note of what is kept to any exception; if nothing useful is kept, remove the folder."""
    try:
        yield
    except DivergedError:
        # A setting must change, which makes the work done so far useless.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException as error:
        if kept := _last_kept(folder):
            error.add_note(f"kept up to {kept}: run the same command again to continue")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _open(folder: Path, output: Path, identity: Mapping[str, Mapping[str, Any]], *, restart: bool) -> None:
    """Keep the folder if its training can be resumed, else create it anew."""
    require_own(folder)
    if _last_kept(folder) and not restart:
        begun = read_settings(folder / _RUN)
        if changed := changes(begun["identity"], identity):
            raise ConfigurationError(
                f"{output}: a training that began at {begun['started']} is unfinished, and {'; '.join(changed)}: "
                "undo the change to continue it, or discard its work with --restart"
            )
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with replacing(folder / _RUN) as stream:
        stream.write(json.dumps({"started": started, "identity": identity}).encode())


def _last_kept(folder: Path) -> str | None:
    """Describe the last saved step in words, if there is one."""
    sealed = sorted(folder.rglob(f"steps/*/{SEAL}"), key=lambda path: path.stat().st_mtime_ns)
    if not sealed:
        return None
    step = sealed[-1].parent
    seed = step.parent.parent.name if step.parent.parent != folder else ""
    return f"step {step.name.rpartition('-')[2]}" + (f" of {seed.replace('-', ' ')}" if seed else "")
