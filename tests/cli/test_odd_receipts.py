"""Receipts that are damaged, or written by another version: every command gives one line and an exit code."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from copy import deepcopy
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import pytest
from cli.process import Command
from cli.tables import REVIEWS, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_batch.cli.main import cli
from sentiment_batch.cli.outcome import Outcome

RECEIPT = "out.csv.receipt.json"
COMMANDS = {
    "verify": ["verify", "out.csv", "--rescore", "5"],
    "retry-rejects": ["retry-rejects", "out.csv", "--max-reject-rate", "0.5"],
    "report": ["report", "out.csv"],
    "report --compare-to": ["report", "new.csv", "--compare-to", RECEIPT],
    "score": ["score", "inbox/out.csv", "-o", "out.csv"],
    "score --compare-to": ["score", "inbox/out.csv", "-o", "other.csv", "--compare-to", RECEIPT],
    "score --new-only": ["score", "inbox", "-o", ".", "--new-only", "--settle", "0"],
}
EXIT_CODES = {
    "verify": {0, 65, 66, 78},
    "retry-rejects": {3, 65, 66, 78},
    "report": {0, 2, 65},  # 2: where --prefix and --text-column are the way out
    "score": {0, 2, 3, 65},
}
VALUES = [None, -1, 0, 7, 10**30, 0.5, nan, True, "", "x", "/", "s:", "://", "\0", "\ud800", [], [7], {}, {"x": -1}]
Entry = dict[str, Any] | list[Any]


@dataclass(frozen=True, repr=False)
class Scored:
    """A scored folder and its contents; one reject of its output was mended and one is still rejected."""

    folder: Path
    model: Path
    contents: dict[str, bytes]
    receipt: dict[str, Any]

    def run(self, command: str, receipt: bytes) -> Outcome:
        """Run the command in this process, with another receipt and all else as it was; return how it ended."""
        for path in self.folder.iterdir():
            if path.is_file() and path.name not in self.contents:
                path.unlink()
            elif path.name.endswith(".staging"):
                shutil.rmtree(path)
        for name, content in (self.contents | {RECEIPT: receipt}).items():
            if (self.folder / name).read_bytes() != content:
                (self.folder / name).write_bytes(content)
        options = ["--model", str(self.model), "--max-reject-rate", "0.5"] if command.startswith("score") else []
        with chdir(self.folder):
            try:
                code = cli.main([*COMMANDS[command], *options, "-q"], standalone_mode=False, obj={})
                return Outcome("", code or 0, "")
            except Exception as error:
                return Outcome.of(error)


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Scored:
    command = Command(tmp_path_factory.mktemp("scored"))
    folder = command.folder
    (folder / "inbox").mkdir()
    with write_table(folder / "inbox/out.csv", REVIEWS * 2).open("ab") as file:
        file.write(b"1\n2\n")
    assert command("score", "inbox/out.csv", "-o", "out.csv", "--model", model, "--max-reject-rate", "0.5").code == 3
    rejects = folder / "out.csv.rejects.jsonl"
    first, second = map(json.loads, rejects.read_text("utf-8").splitlines())
    rejects.write_text(f"{json.dumps(first | {'raw': '9,good,5'})}\n{json.dumps(second)}\n", "utf-8")
    assert command("retry-rejects", "out.csv", "--max-reject-rate", "0.5").code == 3
    shutil.copy(folder / "out.csv", folder / "new.csv")
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return Scored(folder, model, contents, json.loads(contents[RECEIPT]))


def entries(value: object) -> Iterator[tuple[Entry, Any]]:
    """Every container in a receipt, paired with each of its keys; lists with their first index only."""
    if isinstance(value, dict | list):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value[:1])):
            yield value, key
            yield from entries(inner)


@st.composite
def damages(draw: st.DrawFn) -> Callable[[dict[str, Any]], None]:
    """Drop an entry of a receipt, change it, or give it another name."""
    place, value, kind = draw(st.integers(0, 10**6)), draw(st.sampled_from(VALUES)), draw(st.sampled_from("dccn"))

    def damage(receipt: dict[str, Any]) -> None:
        found = list(entries(receipt))
        container, key = found[place % len(found)]
        if kind == "d":
            del container[key]
        elif kind == "n" and isinstance(container, dict):
            container[str(value)] = container.pop(key)
        else:
            container[key] = value

    return damage


@pytest.mark.parametrize("command", COMMANDS)
@settings(max_examples=150)
@given(damage=damages())
def test_a_damaged_receipt(scored: Scored, command: str, damage: Callable[[dict[str, Any]], None]) -> None:
    """Whatever the damage, the command ends with a documented exit code and at most one line."""
    receipt = deepcopy(scored.receipt)
    damage(receipt)
    found = scored.run(command, json.dumps(receipt).encode())
    assert found.exit_code in EXIT_CODES[command.split()[0]], found
    assert "run again with -v" not in found.message
    assert "\n" not in found.message


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"score"}))
def test_the_receipt_as_it_was(scored: Scored, command: str) -> None:
    """With the undamaged receipt every command succeeds, so it is the damage that fails the others."""
    assert scored.run(command, scored.contents[RECEIPT]).exit_code in {0, 3}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"score", "score --new-only"}))
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda receipt: receipt.pop("distribution"), "Object missing required field `distribution`"),
        (lambda receipt: receipt.update(rows_in=-1), "Expected `int` >= 0 - at `$.rows_in`"),
        (lambda receipt: receipt.update(seconds=nan), "JSON is malformed"),
        (lambda receipt: receipt["distribution"].update(labels=[7]), "Expected `object`, got `array`"),
        (lambda receipt: receipt["distribution"]["tokens"].update(edges=[0, 1]), "it counts in other bins"),
        (lambda receipt: receipt.update(schema_version=2), "Invalid enum value 2 - at `$.schema_version`"),
    ],
    # Without the address of a function, so that the test ids are stable.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(scored: Scored, command: str, damage: Callable[[Any], None], message: str) -> None:
    """The line says what is wrong with the receipt and what to do."""
    receipt = deepcopy(scored.receipt)
    damage(receipt)
    found = scored.run(command, json.dumps(receipt).encode())
    assert found.exit_code == 65
    assert found.message.startswith(f"{RECEIPT} is not a receipt of this version: {message}")
    assert found.message.endswith(": score its inputs anew")


def test_nothing_to_compare_to(scored: Scored) -> None:
    """A run that scored nothing has no predictions to compare to."""
    receipt = deepcopy(scored.receipt)
    receipt["distribution"]["labels"] = {"good": 0}
    for command in ("report --compare-to", "score --compare-to"):
        found = scored.run(command, json.dumps(receipt).encode())
        assert found.exit_code == 65
        assert found.message.startswith(f"{RECEIPT} has no predictions to compare with")
