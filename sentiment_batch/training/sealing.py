"""Mark folders as complete with a seal: a list of their files and hashes, written last."""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from sentiment_batch.durable import replacing, sync_file
from sentiment_batch.hashing import sha256_of

SEAL = "sealed.json"


def seal(folder: Path) -> None:
    """Sync the folder's files, then write their hashes as its seal; raises OSError."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != SEAL]
    for path in files:
        sync_file(path)
    with replacing(folder / SEAL) as stream:
        stream.write(json.dumps({path.name: sha256_of(path) for path in files}).encode())


def is_intact(folder: Path) -> bool:
    """Return whether the folder is sealed and its sealed files are unchanged."""
    try:
        sealed = json.loads((folder / SEAL).read_bytes())
        return all(sha256_of(folder / name) == sha256 for name, sha256 in sealed.items())
    except (OSError, ValueError, AttributeError):
        return False


class StepSealing(TrainerCallback):  # type: ignore[misc]  # transformers is not followed
    """Seals each step that the trainer saves; must run after all callbacks that add to what is saved."""

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        seal(step_folder(Path(args.output_dir), state.global_step))


def step_folder(steps: Path, step: int) -> Path:
    return steps / f"{PREFIX_CHECKPOINT_DIR}-{step}"


def last_step(steps: Path) -> Path | None:
    """Return the last saved step that training can resume from; later and damaged ones are removed.

    A step is of use only with the best step so far, whose weights are the ones kept at the end.
    """
    saved = {int(path.name.rpartition("-")[2]): path for path in steps.glob(f"{PREFIX_CHECKPOINT_DIR}-*")}
    for step in sorted(saved, reverse=True):
        if is_intact(saved[step]):
            best = json.loads((saved[step] / "trainer_state.json").read_bytes())["best_global_step"]
            if best in (None, step) or is_intact(step_folder(steps, best)):
                return saved[step]
        shutil.rmtree(saved[step])
    return None
