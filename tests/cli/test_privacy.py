"""The command reveals no more about reviews and machines than was asked for."""

from pathlib import Path

import pyarrow as pa
import pytest
from cli.process import Command, error_line
from cli.tables import write_table
from hostile import parquet

SECRET = "wordless"


@pytest.mark.parametrize("words", [("score", "r.csv"), ("predict", "good"), ("info",)])
def test_nothing_is_written_at_home(
    command: Command, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    """No library leaves a record of the run: the user's home folder stays empty."""
    write_table(command.folder / "r.csv")
    home = tmp_path_factory.mktemp("home")
    # With CI or XDG_CACHE_HOME set, the record would be missing or elsewhere.
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "CI": ""}
    assert command(*words, environment=environment).code == 0
    assert list(home.rglob("*")) == []


TEXTS = pa.array([SECRET.encode(), SECRET.encode() + b"\xff"]).view(pa.string())
BROKEN = {
    "too many fields": ("r.csv", f"text,label\n{SECRET},{SECRET},{SECRET}\n"),
    "quote in a field": ("r.csv", f'text,label\n"{SECRET}"{SECRET},1\n'),
    "open quote": ("r.csv", f'text,label\n1,"{SECRET}\n'),
    "not UTF-8": ("r.csv", f"text,label\n{SECRET},1".encode() + b"\xff\n"),
    "no label": ("r.csv", f"text,label\n{SECRET},{SECRET}\n"),
    "not JSON": ("r.jsonl", f'{{"text": "{SECRET}", "label": "{SECRET}"}}\n{{"text": "{SECRET}" {SECRET}\n'),
    "not text": ("r.jsonl", f'{{"text": "{SECRET}", "label": "{SECRET}"}}\n{{"text": ["{SECRET}"]}}\n'),
    "key twice": ("r.jsonl", f'{{"text": "x", "label": "1"}}\n{{"text": "x", "text": "{SECRET}"}}\n'),
    "bad escape": ("r.jsonl", f'{{"text": "x", "label": "1"}}\n{{"text": "\\{SECRET}"}}\n'),
    "number as text": ("r.jsonl", f'{{"text": "x", "label": 1}}\n{{"text": "x", "label": "{SECRET}"}}\n'),
    "bad bytes": ("r.parquet", parquet({"text": TEXTS, "label": [SECRET, SECRET]})),
    "no tree": ("r.txt", f"(2 ({SECRET}))\n"),
}


@pytest.mark.parametrize(("name", "content"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize(
    "words",
    [("score", "-o", "out.csv"), ("score", "-o", "-"), ("evaluate", "--data"), ("train", "-o", "out", "--data")],
)
def test_no_text_in_messages(
    command: Command, model: Path, name: str, content: str | bytes, words: tuple[str, ...]
) -> None:
    """Whatever is wrong with a record, the messages hold none of its words."""
    (command.folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    result = command(*words, name, "--model", str(model))
    if result.code:
        error_line(result)
    assert SECRET not in result.stderr


def test_control_characters(command: Command, model: Path) -> None:
    """Names of files and columns put no second line and no terminal commands into messages."""
    name = "r\n\x1b[31m\x9b\u2028.csv"
    write_table(command.folder / name, [{"text": "good", "label": "very positive"}])
    (command.folder / "broken\x1b.csv").write_text("te\x1bxt\n1\n")
    scored = command("score", name, "--model", model)
    said = [
        scored,
        command("verify", "r\n\x1b[31m\x9b\u2028.scored.csv"),
        command("score", name, "--model", model, "--dry-run", "--force"),
        command("score", name, "--model", model, "--columns", "a\x1b"),
        command("score", "broken\x1b.csv", "--model", model),
        command("score", name, "--\x1b"),
        command("score", name, "--device", "\x1b"),
        command("evaluate", "--data", name, "--model", model),
        command("evaluate", "--data", "broken\x1b.csv", "--model", model),
    ]
    assert [result.code for result in said] == [0, 0, 0, 2, 2, 2, 2, 0, 2]
    for result in said:
        assert all(char.isprintable() or char == "\n" for char in result.stdout + result.stderr), result
    assert scored.stderr.splitlines()[-1] == r"written to r\n\x1b[31m\x9b\u2028.scored.csv"


def test_endless_names(command: Command, model: Path) -> None:
    """A column name of several megabytes does not fill the terminal."""
    (command.folder / "r.csv").write_text("x" * 3_000_000 + "\n1\n")
    result = command("score", "r.csv", "--model", model)
    assert result.code == 2
    assert error_line(result).startswith("r.csv: no known column name: ")
    assert len(result.stderr) < 20_000
