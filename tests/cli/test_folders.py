"""Folders in and out: data sets of parts, and what is in a folder."""

import json

import pytest
from cli.process import Command, error_line
from cli.tables import REVIEWS, read_table, write_table


@pytest.mark.parametrize(
    ("name", "argument", "output"),
    [
        ("day.parquet", "in/day.parquet/", "in/day.scored.parquet"),
        ("day.parquet", "in", "in/day.scored.parquet"),
        ("day.parquet", "in/*.parquet", "in/day.scored.parquet"),
        ("day", "in/day", "in/day.scored"),
    ],
)
def test_a_data_set(command: Command, score: Command, name: str, argument: str, output: str) -> None:
    """A folder as Spark writes it becomes one beside it; nothing is put among its files."""
    data_set = score.folder / "in" / name
    data_set.mkdir(parents=True)
    (data_set / "_SUCCESS").touch()
    for part in range(2):
        write_table(data_set / f"part-{part}.parquet", REVIEWS[2 * part :][:2])
    assert score(argument).code == 0
    assert sorted(path.name for path in data_set.iterdir()) == ["_SUCCESS", "part-0.parquet", "part-1.parquet"]
    scored = score.folder / output
    assert sorted(path.name for path in scored.iterdir()) == ["_SUCCESS", "part-00000.parquet"]
    assert [row["id"] for row in read_table(scored / "part-00000.parquet")] == [row["id"] for row in REVIEWS]
    assert command("verify", output, "--rescore", "9").code == 0


@pytest.mark.parametrize("arguments", [("in",), ("in/*",), ("in/a.csv", "in/b.csv.gz")])
@pytest.mark.parametrize(("output", "part"), [("out/", "part-00000.csv"), ("out.parquet/", "part-00000.parquet")])
def test_inputs_into_a_folder(
    command: Command, score: Command, arguments: tuple[str, ...], output: str, part: str
) -> None:
    """All rows go to parts in the folder named by -o, in the format of its name, or else that of the input."""
    (score.folder / "in").mkdir()
    write_table(score.folder / "in/a.csv", REVIEWS[:2])
    write_table(score.folder / "in/b.csv.gz", REVIEWS[2:])
    assert score(*arguments, "-o", output).code == 0
    assert sorted(path.name for path in (score.folder / output).iterdir()) == ["_SUCCESS", part]
    assert [row["id"] for row in read_table(score.folder / output / part)] == [row["id"] for row in REVIEWS]
    assert command("verify", output, "--rescore", "9").code == 0
    again = score(*arguments, "-o", output)
    assert (again.code, error_line(again)) == (
        2,
        f"{output} exists: choose another output, or replace it with --force",
    )
    assert score(*arguments, "-o", output, "--force").code == 0


def test_an_altered_folder(command: Command, score: Command) -> None:
    """Any file changed, added or removed in an output folder is named, with the folder."""
    write_table(score.folder / "a.csv")
    assert score("a.csv", "-o", "out/").code == 0
    part = score.folder / "out/part-00000.csv"
    content = part.read_bytes()
    for change, message in (
        (lambda: part.write_bytes(content.replace(b"good", b"evil", 1)), "./out/part-00000.csv: sha256: "),
        (lambda: part.write_bytes(content + b"x"), "./out/part-00000.csv: size in bytes: "),
        (lambda: (score.folder / "out/_SUCCESS").unlink(), "./out/: files: "),
        (lambda: (score.folder / "out/part-00001.csv").write_bytes(b""), "./out/: files: "),
    ):
        change()
        result = command("verify", "./out/")
        assert result.code == 65
        assert error_line(result).startswith(message)
        assert score("a.csv", "-o", "out/", "--force").code == 0


def test_folder_skips_what_was_scored_before(score: Command) -> None:
    """Scoring a folder skips earlier outputs and files of other kinds."""
    (score.folder / "in").mkdir()
    for name in ("a.csv", "old.scored.csv"):
        write_table(score.folder / "in" / name)
    (score.folder / "in/notes.txt").write_text("not data")
    assert score("in").code == 0
    assert sorted(path.name for path in (score.folder / "in").iterdir()) == [
        "a.csv",
        "a.scored.csv",
        "a.scored.csv.receipt.json",
        "notes.txt",
        "old.scored.csv",
    ]


def test_stdin_into_a_folder(score: Command) -> None:
    """Rows from stdin fill parts like any others."""
    assert score("-", "-o", "out/", stdin=b"text\ngood\n").code == 0
    assert [row["sentiment"] for row in read_table(score.folder / "out/part-00000.csv")] == ["very positive"]


def test_what_a_folder_means(score: Command) -> None:
    """A folder means all files of known formats, except hidden ones and those that, by name, an earlier run wrote."""
    folder = score.folder / "in"
    folder.mkdir()
    write_table(folder / "a.csv")
    for name in ("2024.scored.mail.csv", ".hidden.csv", "b.scored.csv", "c.csv.rejects.jsonl"):
        (folder / name).write_bytes((folder / "a.csv").read_bytes())
    (folder / "gone.csv").symlink_to("nowhere")
    plan = json.loads(score("in", "-o", "out.csv", "--dry-run", "--json").stdout)
    assert plan["inputs"] == ["in/2024.scored.mail.csv", "in/a.csv"]
