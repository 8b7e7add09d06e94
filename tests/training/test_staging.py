"""Where a training keeps its progress, and what it refuses to overwrite."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiment_batch.errors import (
    CannotWriteError,
    ConfigurationError,
    DivergedError,
    SentimentBatchError,
    TryAgainError,
    UsageError,
)
from sentiment_batch.lock import locked
from sentiment_batch.training.sealing import seal
from sentiment_batch.training.staging import require_writable, staged

IDENTITY: dict[str, dict[str, Any]] = {"settings": {"epochs": 3.0}, "content": {"the data of x": "1f"}}


def save_step(folder: Path, step: int) -> None:
    (folder / "steps" / f"checkpoint-{step}").mkdir(parents=True)
    seal(folder / "steps" / f"checkpoint-{step}")


def train_until(error: BaseException, output: Path, *steps: int) -> None:
    """Run a training that ends with `error` after saving some steps."""
    with staged(output, IDENTITY, restart=False) as folder:
        for step in steps:
            save_step(folder, step)
        raise error


def _file(output: Path) -> None:
    output.write_text("mine", "utf-8")


def _link(output: Path) -> None:
    (output.parent / "elsewhere").mkdir()
    output.symlink_to("elsewhere")


def _somebodys(output: Path) -> None:
    output.mkdir()
    (output / "config.json").write_text("mine", "utf-8")


def _checkpoint(output: Path) -> None:
    for name in ("config.json", "metrics.json", "model.safetensors", "vocab.txt", "seed-1/metrics.json"):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text("old", "utf-8")


def _checkpoint_and_more(output: Path) -> None:
    _checkpoint(output)
    (output / "stage1").mkdir()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (_file, CannotWriteError, "ckpt is a file, not a folder"),
        (_link, CannotWriteError, "ckpt is a symbolic link"),
        (
            _somebodys,
            UsageError,
            "ckpt holds 'config.json', which sentiment-batch has not put there: choose",
        ),
        (_checkpoint_and_more, UsageError, "ckpt holds 'stage1', which sentiment-batch has not put there"),
    ],
)
def test_what_is_never_written_over(
    tmp_path: Path, make: Callable[[Path], None], error: type[SentimentBatchError], message: str, force: bool
) -> None:
    """A folder or file that is not a checkpoint of ours is left alone, with or without --force."""
    make(tmp_path / "ckpt")
    with pytest.raises(error, match=message):
        require_writable(tmp_path / "ckpt", force=force)


def test_a_mount_point() -> None:
    """A mount point, which cannot be replaced, is refused before the training."""
    with pytest.raises(CannotWriteError, match="/proc is a mount point, which cannot be replaced: name a folder in it"):
        require_writable(Path("/proc"), force=True)


def test_a_checkpoint_is_written_over_with_force(tmp_path: Path) -> None:
    """A checkpoint is replaced only with --force; an empty folder does not count as one."""
    require_writable(tmp_path, force=False)
    _checkpoint(tmp_path / "ckpt")
    with pytest.raises(UsageError, match="ckpt exists: choose another output, or replace it with --force"):
        require_writable(tmp_path / "ckpt", force=False)
    require_writable(tmp_path / "ckpt", force=True)


def test_the_output_is_as_it_was_until_it_is_complete(tmp_path: Path) -> None:
    """The new checkpoint replaces the old one in a single step, and leaves nothing beside it."""
    output = tmp_path / "ckpt"
    _checkpoint(output)
    with staged(output, IDENTITY, restart=False) as folder:
        (folder / "checkpoint").mkdir()
        (folder / "checkpoint" / "metrics.json").write_text("new", "utf-8")
        seal(folder / "checkpoint")
        assert (output / "metrics.json").read_text("utf-8") == "old"
    assert {path.name: path.read_text("utf-8") for path in output.iterdir()} == {"metrics.json": "new"}
    assert list(tmp_path.iterdir()) == [output]


def test_what_is_kept_is_told(tmp_path: Path) -> None:
    """A stopped training says up to which step it is kept, and finds its steps again."""
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        train_until(error, tmp_path / "ckpt", 10, 20)
    assert error.__notes__ == ["kept up to step 20: run the same command again to continue"]
    with staged(tmp_path / "ckpt", IDENTITY, restart=False) as folder:
        assert sorted(path.name for path in (folder / "steps").iterdir()) == ["checkpoint-10", "checkpoint-20"]
        (folder / "checkpoint").mkdir()


def test_nothing_is_left_of_nothing(tmp_path: Path) -> None:
    """A training that has saved no step, or has diverged, leaves no trace."""
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        train_until(error, tmp_path / "ckpt")
    with pytest.raises(DivergedError):
        train_until(DivergedError("the loss became nan"), tmp_path / "ckpt", 10)
    assert not hasattr(error, "__notes__")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path: Path) -> None:
    """A system error is reported as one about the output, together with what is kept."""
    with pytest.raises(CannotWriteError, match="ckpt: No space left on device") as caught:
        train_until(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "ckpt", 10)
    assert caught.value.__notes__ == ["kept up to step 10: run the same command again to continue"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"settings": {"epochs": 4.0}}, "epochs was 3.0, is 4.0"),
        ({"content": {"the data of x": "2e"}}, "the data of x changed"),
    ],
)
def test_another_training_is_not_continued(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    """Only the same training is continued; another one is refused, and what is kept stays until --restart."""
    output = tmp_path / "ckpt"
    with pytest.raises(KeyboardInterrupt):
        train_until(KeyboardInterrupt(), output, 10)
    with (
        pytest.raises(ConfigurationError, match=f"is unfinished, and {message}: undo the change to .* with --restart"),
        staged(output, IDENTITY | changed, restart=False),
    ):
        pass
    with staged(output, IDENTITY | changed, restart=True) as folder:
        assert not (folder / "steps").exists()
        (folder / "checkpoint").mkdir()


def test_one_at_a_time(tmp_path: Path) -> None:
    """While a training writes a checkpoint, a second one is refused with a request to try again."""
    with (
        locked(tmp_path / "ckpt"),
        pytest.raises(TryAgainError, match="ckpt: another training is writing it: try again when it is done"),
        staged(tmp_path / "ckpt", IDENTITY, restart=False),
    ):
        pass


def test_a_link_in_the_place_of_what_is_kept(tmp_path: Path) -> None:
    """In a shared folder, a link in the place of our own folder is refused, so that nobody redirects our writing."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".ckpt.training").symlink_to("elsewhere")
    with (
        pytest.raises(CannotWriteError, match="is not this user's own folder"),
        staged(tmp_path / "ckpt", IDENTITY, restart=False),
    ):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []
