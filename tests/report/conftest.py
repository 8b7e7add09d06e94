"""Scored files, and the reports about them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli.process import Command
from cli.tables import Row, write_table
from report.pages import Page
from report.reviews import some_reviews


@pytest.fixture
def scored(tmp_path: Path, tiny_bundle: Path) -> Callable[..., Path]:
    """Score rows, by default some reviews, into the named file or folder."""

    def run(name: str, *options: str, rows: list[Row] | None = None, source: str = "reviews.jsonl") -> Path:
        write_table(tmp_path / source, rows or some_reviews(400))
        words = ("score", source, "-o", name, "--model", str(tiny_bundle), *options)
        result = Command(tmp_path)(*words)
        assert result.code == 0, result.stderr
        return tmp_path / name

    return run


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., Page]:
    """Run `report` and read its page."""

    def run(*arguments: str | Path) -> Page:
        result = Command(tmp_path)("report", *arguments, "-o", "report.html", "--force")
        assert result.code == 0, result.stderr
        assert "Traceback" not in result.stderr
        return Page.read(tmp_path / "report.html")

    return run
