"""Outputs in a folder that others can write to: what others put there is neither followed nor trusted."""

import json
import os
import resource
import stat
from pathlib import Path

import pytest
from cli.process import Command, error_line
from cli.tables import REVIEWS, write_table

OUTPUT = "r.scored.csv"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def shared(score: Command) -> Path:
    """A folder with an input that has one broken record, and somebody else's file and folder beside it."""
    path = write_table(score.folder / "r.csv")
    path.write_bytes(path.read_bytes() + b"only one field\n")
    (score.folder / "theirs").write_text("keep")
    (score.folder / "their folder").mkdir()
    (score.folder / "their folder/journal.jsonl").write_text("keep")
    return score.folder


@pytest.mark.parametrize("name", [f"{OUTPUT}.receipt.json", f"{OUTPUT}.rejects.jsonl"])
def test_links_in_the_place_of_results(score: Command, shared: Path, name: str) -> None:
    """A link in the place of a result is replaced; its target stays as it is."""
    (shared / name).symlink_to("theirs")
    assert score("r.csv", "--force", "--max-reject-rate", "0.5").code == 3
    assert not (shared / name).is_symlink()
    assert (shared / "theirs").read_text() == "keep"


@pytest.mark.parametrize("name", [f".{OUTPUT}.staging", f".{OUTPUT}.removed"])
def test_links_in_the_place_of_staging(score: Command, shared: Path, name: str) -> None:
    """A link in the place of the staging folder is refused; its target stays as it is."""
    (shared / name).symlink_to("their folder")
    before = score.contents()
    result = score("r.csv", "--restart", "--force")
    assert result.code == 73
    assert error_line(result).startswith(f"{shared / name} is not this user's own folder: ")
    assert score.contents() == before


def test_link_in_the_place_of_the_lock(score: Command, shared: Path) -> None:
    """A link in the place of the lock is not opened."""
    (shared / f".{OUTPUT}.lock").symlink_to("theirs")
    result = score("r.csv")
    assert result.code == 73
    assert error_line(result).startswith(f"{OUTPUT}: ")
    assert (shared / "theirs").read_text() == "keep"
    assert not (shared / OUTPUT).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_staging_of_another_user(score: Command, tmp_path: Path, shared: Path) -> None:
    """Another user's record of what a run has done is not trusted, however well it fits."""
    size = write_table(shared / "r.csv", REVIEWS * 5000).stat().st_size
    # Enough for each part, but not for all of them together.
    limits = (size // 2, size // 2)
    stopped = score("r.csv", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits))
    assert "rows are kept" in error_line(stopped)
    staging = shared / f".{OUTPUT}.staging"
    os.chown(staging, 65534, 65534)
    result = score("r.csv")
    assert result.code == 73
    assert ".staging is not this user's own folder: " in error_line(result)
    os.chown(staging, 0, 0)
    assert score("r.csv").code == 0


def test_only_results_can_be_read_by_others(score: Command) -> None:
    """During a run only the user's own processes can read what is written; afterwards, whoever the umask allows."""
    rows = b"id,text\n" + b"1,good and bad and neither here nor there\n" * 9000 + b"only one field\n"
    score.folder.chmod(0o777)
    with score.start("-", "-o", OUTPUT, "-q", "--max-reject-rate", "0.5", before=lambda: os.umask(0o022)) as process:
        assert process.stdin
        process.stdin.write(rows)
        process.stdin.flush()
        assert mode(score.folder / f".{OUTPUT}.staging") == 0o700
        process.stdin.close()
        assert process.wait() == 3
    for name in (OUTPUT, f"{OUTPUT}.receipt.json", f"{OUTPUT}.rejects.jsonl"):
        assert mode(score.folder / name) == 0o644
    assert json.loads((score.folder / f"{OUTPUT}.rejects.jsonl").read_text())["line"] == 9002
