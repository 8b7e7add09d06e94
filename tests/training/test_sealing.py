"""Saved steps, complete and incomplete ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiment_batch.training.sealing import is_intact, last_step, seal


def save_step(steps: Path, step: int, best: int | None = None) -> Path:
    folder = steps / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "trainer_state.json").write_text(json.dumps({"best_global_step": best}), "utf-8")
    seal(folder)
    return folder


def _cut(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"weigh")


def _changed(folder: Path) -> None:
    (folder / "trainer_state.json").write_text("{", "utf-8")


def _removed(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _never_sealed(folder: Path) -> None:
    (folder / "sealed.json").unlink()


def _torn(folder: Path) -> None:
    (folder / "sealed.json").write_text('{"model', "utf-8")


DAMAGES = [_cut, _changed, _removed, _never_sealed, _torn]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_seen(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A folder is intact as long as it holds what was sealed."""
    folder = save_step(tmp_path, 5)
    assert is_intact(folder)
    damage(folder)
    assert not is_intact(folder)


def test_the_last_step_is_the_one_with_the_highest_number(tmp_path: Path) -> None:
    """Steps are ordered by their numbers, not by their names; without steps there is no last one."""
    assert last_step(tmp_path) is None
    save_step(tmp_path, 9)
    last = save_step(tmp_path, 10)
    assert last_step(tmp_path) == last


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_step_gives_way_to_the_one_before(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A step that cannot be continued from is removed, and the last usable one is taken, or none."""
    before, last = save_step(tmp_path, 10), save_step(tmp_path, 20, best=10)
    damage(last)
    assert last_step(tmp_path) == before
    assert not last.exists()
    damage(before)
    assert last_step(tmp_path) is None


def test_a_step_is_of_no_use_without_the_best_one(tmp_path: Path) -> None:
    """A step is unusable unless the best step is intact too: its weights are those kept in the end."""
    best = save_step(tmp_path, 10)
    save_step(tmp_path, 20, best=10)
    _cut(best)
    assert last_step(tmp_path) is None
