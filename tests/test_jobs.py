"""Which inputs go to which outputs, and names that are refused."""

from pathlib import Path

import pytest

from sentiment_batch.errors import UsageError
from sentiment_batch.inputs import Input
from sentiment_batch.jobs import plan_jobs
from sentiment_batch.locations import Location


def named(name: str) -> Input:
    location = Location.parse(name)
    return Input(location, (location,))


def planned(inputs: list[str], output: str | None) -> list[tuple[list[str], str]]:
    jobs = plan_jobs(list(map(named, inputs)), Location.parse(output) if output else None, each=False)
    return [([location.name for location in job.inputs], job.output.name) for job in jobs]


@pytest.mark.parametrize(
    ("inputs", "output", "expected"),
    [
        (["a.csv"], None, [(["a.csv"], "a.scored.csv")]),
        (["a.csv", "in/b.jsonl.gz"], None, [(["a.csv"], "a.scored.csv"), (["in/b.jsonl.gz"], "in/b.scored.jsonl.gz")]),
        (["a.csv", "b.csv"], "all.csv", [(["a.csv", "b.csv"], "all.csv")]),
        (["a.csv", "in/b.csv"], "out/", [(["a.csv", "in/b.csv"], "out/")]),
        (["-"], None, [(["-"], "-")]),
        (["-"], "a.csv", [(["-"], "a.csv")]),
        (["a.csv", "b.csv"], "-", [(["a.csv", "b.csv"], "-")]),
    ],
)
def test_plan(inputs: list[str], output: str | None, expected: list[tuple[list[str], str]]) -> None:
    """Without an output each input is scored beside itself; a file or folder takes all inputs, in order."""
    assert planned(inputs, output) == expected


@pytest.mark.parametrize(
    ("name", "is_folder"), [("there", True), ("new.csv", False), ("new/", True), ("new.parquet/", True)]
)
def test_what_is_a_folder(tmp_path: Path, name: str, is_folder: bool) -> None:
    """An existing folder is recognized without a slash."""
    (tmp_path / "there").mkdir()
    [job] = plan_jobs([named("a.csv")], Location.parse(f"{tmp_path}/{name}"), each=False)
    assert job.output.is_folder == is_folder


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (["a.csv", "a.scored.csv"], None),
        (["a.csv"], "a.csv"),
        (["a.csv"], "./in/../a.csv"),
        (["a.csv", "b.csv"], "b.csv"),
        (["a.csv"], "./"),
        (["link.csv"], "a.csv"),
    ],
)
def test_colliding_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: list[str], output: str) -> None:
    """No two inputs share an output by accident, and no output replaces an input, or the file that it links to."""
    monkeypatch.chdir(tmp_path)
    Path("link.csv").symlink_to("a.csv")
    with pytest.raises(UsageError, match="would be written twice, or over an input"):
        planned(inputs, output)


@pytest.mark.parametrize("inputs", [["a.csv", "a.csv"], ["a.csv", "./a.csv"], ["-", "-"]])
@pytest.mark.parametrize("output", [None, "all.csv"])
def test_an_input_named_twice(inputs: list[str], output: str | None) -> None:
    """An input named twice is refused, so that no row is in the output twice."""
    with pytest.raises(UsageError, match="is named more than once"):
        planned(inputs, output)
