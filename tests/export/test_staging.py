"""The folder that a bundle is built in."""

from pathlib import Path

import pytest

from sentiment_batch.bundle import MANIFEST
from sentiment_batch.errors import UsageError
from sentiment_batch.export.staging import staged


def build(output: Path, content: str, *, force: bool = False, meanwhile: str = "") -> None:
    """A bundle of one file; `meanwhile`, somebody puts a file of that name there."""
    with staged(output, force=force) as folder:
        (folder / MANIFEST).write_text(content)
        if meanwhile:
            output.mkdir(exist_ok=True)
            (output / meanwhile).write_text("theirs")


def test_what_came_while_it_was_built(tmp_path: Path) -> None:
    """What was not there when an export began is not replaced either, but for a bundle with --force."""
    output = tmp_path / "bundle"
    for name, message in (("thesis.docx", "holds .thesis.docx."), (MANIFEST, "replace it with --force")):
        with pytest.raises(UsageError, match=message):
            build(output, "ours", meanwhile=name)
        assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
        assert (output / name).read_text() == "theirs"
        (output / name).unlink()
    build(output, "ours", force=True, meanwhile=MANIFEST)
    assert (output / MANIFEST).read_text() == "ours"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_an_export_that_fails(tmp_path: Path) -> None:
    """What stood there stays, and nothing beside it."""
    output = tmp_path / "bundle"
    build(output, "before")

    def fail() -> None:
        with staged(output, force=True) as folder:
            (folder / MANIFEST).write_text("half of it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (output / MANIFEST).read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
