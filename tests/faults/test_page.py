"""The page on faults is complete."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fault_is_on_the_page() -> None:
    """docs/faults.md lists all 36 faults, in order, each with its tests."""
    _, _, table = (ROOT / "docs/faults.md").read_text("utf-8").partition("\n## Every fault")
    rows = re.findall(r"^\| (\d+) \|.* \| (.*) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 37))
    for number, tests in rows:
        files = re.findall(r"tests/[\w/.]+", tests)
        assert files, number
        assert all((ROOT / file).exists() for file in files), number
