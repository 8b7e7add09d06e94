"""`predict`: texts from the command line or stdin, one line for each."""

import json
from pathlib import Path

import pytest
from cli.process import Command, error_line


@pytest.fixture
def predict(tmp_path: Path, model: Path) -> Command:
    """`sentiment-batch predict` with the stand-in model."""
    return Command(tmp_path, ("predict", "--model", str(model)))


def test_default_model_reads_the_example(command: Command) -> None:
    """The built-in model finds the README's example positive."""
    result = command("predict", "I had an awesome day!")
    assert (result.code, result.stderr) == (0, "")
    sentiment, confidence, text = result.stdout.removesuffix("\n").split("\t")
    assert sentiment in {"positive", "very positive"}
    assert 0.2 < float(confidence) <= 1
    assert text == "I had an awesome day!"


def test_one_line_a_text(predict: Command) -> None:
    """Each text gives one line: label, confidence, text."""
    result = predict("good", "a bad one")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout == "very positive\t0.649\tgood\nvery negative\t0.649\ta bad one\n"


def test_text_of_several_lines_is_one_line(predict: Command) -> None:
    """A text with line breaks and tabs still gives one line with three fields."""
    lines = predict("good\nmovie\tindeed").stdout.splitlines()
    assert len(lines) == 1
    assert len(lines[0].split("\t")) == 3


def test_json(predict: Command) -> None:
    """--json gives one object per text, with the probability of every label."""
    first, second = map(json.loads, predict("--json", "good", "").stdout.splitlines())
    assert first["text"] == "good"
    assert first["sentiment"] == "very positive"
    assert first["confidence"] == max(first["probabilities"].values()) == first["probabilities"]["very positive"]
    assert list(first["probabilities"]) == ["very negative", "negative", "neutral", "positive", "very positive"]
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert first["error"] is None
    assert second == {
        "text": "",
        "sentiment": None,
        "confidence": None,
        "probabilities": None,
        "error": "empty_text",
    }


def test_lines_of_stdin(predict: Command) -> None:
    """`-` reads one text per line; a line without text keeps its place."""
    result = predict("-", stdin="good\n\nschön\r\n".encode())
    assert [line.split("\t")[-1] for line in result.stdout.splitlines()] == ["good", "", "schön"]
    assert result.stdout.splitlines()[1] == "(empty_text)\t"


def test_nothing_on_stdin(predict: Command) -> None:
    """No line in, no line out."""
    result = predict("-")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")


def test_stdin_that_is_not_utf8(predict: Command) -> None:
    """Text in another encoding is refused as bad data."""
    result = predict("-", stdin="schön\n".encode("latin-1"))
    assert result.code == 65
    assert "not UTF-8" in error_line(result)


def test_no_text(predict: Command) -> None:
    """Without a text, click's usage message is shown."""
    result = predict()
    assert (result.code, error_line(result)) == (2, "Missing argument 'TEXT...'.")
