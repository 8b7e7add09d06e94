"""`evaluate`: a model against labelled rows."""

import json
from pathlib import Path

import pytest
from cli.process import Command, error_line
from cli.tables import write_table


@pytest.fixture
def evaluate(command: Command, model: Path) -> Command:
    """`sentiment-batch evaluate` with the stand-in model, which finds "good" very positive and "bad" very negative."""
    return Command(command.folder, ("evaluate", "--model", str(model)))


def test_json(evaluate: Command) -> None:
    """Accuracy counts exact labels, binary accuracy sides: names and ordinals of labels are read alike."""
    labels = ["very positive", "3", "0", "4"]
    texts = ["good", "good good", "bad", "bad bad"]
    write_table(evaluate.folder / "d.csv", [{"text": t, "label": n} for t, n in zip(texts, labels, strict=True)])
    result = evaluate("--data", "d.csv", "--json")
    measured = json.loads(result.stdout)["results"]["d.csv"]
    assert (measured["rows"], measured["accuracy"], measured["binary_accuracy"]) == (4, 0.5, 0.75)


def test_for_people(evaluate: Command) -> None:
    """Each file gives one line."""
    write_table(evaluate.folder / "d.csv", [{"text": "good", "stars": "4"}])
    result = evaluate("--data", "d.csv", "--label-column", "stars")
    assert result.code == 0
    assert result.stdout == "d.csv: 1 rows, accuracy 100.00%, macro-F1 100.00%, binary accuracy 100.00%\n"


def test_rows_without_text_do_not_count(evaluate: Command) -> None:
    """A row with no text has no prediction that could be right or wrong."""
    write_table(evaluate.folder / "d.csv", [{"text": "good", "label": "4"}, {"text": " ", "label": "4"}])
    measured = json.loads(evaluate("--data", "d.csv", "--json").stdout)["results"]["d.csv"]
    assert (measured["rows"], measured["accuracy"]) == (1, 1.0)


def test_data_without_any_text(evaluate: Command) -> None:
    """Data in which nothing can be measured is bad data, not a crash."""
    write_table(evaluate.folder / "d.csv", [{"text": "", "label": "4"}])
    result = evaluate("--data", "d.csv")
    assert result.code == 65
    assert error_line(result) == "the data holds no text to measure on"


@pytest.mark.parametrize("arguments", [[], ["--data", "d.csv", "--recipe", "r.toml"]])
def test_data_or_recipe(evaluate: Command, arguments: list[str]) -> None:
    """The data come from --data or from a recipe."""
    result = evaluate(*arguments)
    assert (result.code, error_line(result)) == (2, "name the data with --data, or a --recipe: one of the two")
