"""`evaluate`: a model against labelled rows, against another model, and against plain expectations."""

import json
import os
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, error_line
from cli.tables import write_table
from matplotlib.image import imread
from support import edit_json

from sentiment_batch.hashing import sha256_of
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import MANIFEST, Description, Quantization, write_manifest
from sentiment_batch.temperature import Temperature

# For "good", label 4 is right and label 3 is on the right side; for "bad", label 0 is right.
ROWS = {"good": "4", "good good": "3", "bad": "very negative", "bad bad": "0", "a a": "2", "bad a": "4"}


@pytest.fixture
def evaluate(command: Command, model: Path) -> Command:
    """`sentiment-batch evaluate` with the stand-in model, which finds "good" very positive and "bad" very negative."""
    write_table(command.folder / "d.csv", [{"text": text, "label": label} for text, label in ROWS.items()])
    return Command(command.folder, ("evaluate", "--model", str(model)))


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    """The stand-in model with a temperature."""
    folder = tmp_path / "scaled"
    folder.mkdir()
    save_bag_of_words(folder)
    temperature = Temperature((1,), (2.0,), ("dev",))
    polarities = (-1.0, -0.5, 0.0, 0.5, 1.0)
    write_manifest(folder, Description(FIVE_CLASSES, polarities, 64, Quantization.NONE, 17, temperature=temperature))
    return folder


def test_json(evaluate: Command) -> None:
    """Accuracy counts exact labels, binary accuracy counts sides; labels are read by name or by ordinal alike."""
    report = json.loads(evaluate("--data", "d.csv", "--json").stdout)
    measured = report["results"]["d.csv"]
    assert (measured["rows"], measured["accuracy"], measured["binary_accuracy"]) == (6, 3 / 6, 4 / 5)
    # "a a" has no word that counts: all labels are equally probable, and the first is taken.
    assert measured["confusion"] == [[2, 0, 0, 0, 0], [0] * 5, [1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 1]]
    assert measured["mean_absolute_error"] == pytest.approx((1 + 2 + 4) / 6)
    low, high = measured["intervals"]["accuracy"]
    assert 0 <= low < 0.5 < high <= 1
    assert set(measured["intervals"]) == {
        "accuracy",
        "macro_f1",
        "weighted_kappa",
        "mean_absolute_error",
        "binary_accuracy",
    }
    assert measured["by_length"] == [
        {"above": 0, "up_to": 8, "rows": 6, "accuracy": 0.5, "binary_accuracy": 0.8},
    ]
    assert set(report) == {"model_sha256", "temperature", "results"}


def test_the_same_twice(evaluate: Command) -> None:
    """Intervals are resampled with a fixed seed: the same command prints the same."""
    first, second = (evaluate("--data", "d.csv", "--json") for _ in range(2))
    assert (first.code, first.stdout) == (0, second.stdout)


def test_for_people(evaluate: Command) -> None:
    """Each file gets its figures, confusion matrix and accuracy by length."""
    write_table(evaluate.folder / "e.csv", [{"text": "good", "stars": "4"}, {"text": "bad", "stars": "0"}])
    result = evaluate("--data", "e.csv", "--label-column", "stars")
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:6] == [
        "e.csv: 2 rows",
        "  accuracy            100.00% (100.00% to 100.00%)",
        "  macro-F1            100.00% (100.00% to 100.00%)",
        "  binary accuracy     100.00% (100.00% to 100.00%)",
        "  weighted kappa      1.000 (1.000 to 1.000)",
        "  mean absolute error 0.000 (0.000 to 0.000)",
    ]
    # A label's probability is e² / (e² + 4).
    assert "  calibration error   35.12% (without temperature scaling 35.12%, by chance alone " in result.stdout
    assert "  very positive              0         0        0         0              1" in result.stdout
    assert result.stdout.splitlines()[-1].split() == ["1-8", "2", "100.00%", "100.00%"]


def test_trees_from_a_pipe(evaluate: Command) -> None:
    """What can be read only once is read once."""
    pipe = evaluate.folder / "e.txt"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=("(4 (4 good) (2 a))\n",))
    writer.start()
    result = evaluate("--data", "e.txt")
    writer.join()
    assert (result.code, result.stdout.splitlines()[0]) == (0, "e.txt: 1 rows")


def test_calibration_before_and_after(evaluate: Command, model: Path, scaled: Path) -> None:
    """A temperature changes the calibration error and is reported; labels and accuracy stay the same."""
    plain = json.loads(evaluate("--data", "d.csv", "--json").stdout)
    softer = json.loads(evaluate("--model", scaled, "--data", "d.csv", "--json").stdout)
    before, after = (report["results"]["d.csv"] for report in (plain, softer))
    assert before["unscaled_calibration_error"] == before["calibration_error"]
    assert after["unscaled_calibration_error"] == pytest.approx(before["calibration_error"])
    assert after["calibration_error"] != pytest.approx(before["calibration_error"])
    assert (after["confusion"], after["accuracy"]) == (before["confusion"], before["accuracy"])
    assert softer["temperature"] == {"tokens": [1], "values": [2.0], "fitted_on": ["dev"]}


def test_predictions_are_scaled(command: Command, model: Path, scaled: Path) -> None:
    """`predict` with a temperature gives the same label with the scaled confidence."""
    before, after = (
        json.loads(command("predict", "--json", "--model", folder, "good").stdout) for folder in (model, scaled)
    )
    assert before["sentiment"] == after["sentiment"] == "very positive"
    assert before["confidence"] == pytest.approx(np.e**2 / (np.e**2 + 4))
    assert after["confidence"] == pytest.approx(np.e / (np.e + 4))


@pytest.mark.parametrize(("long_text", "right"), [("head", 0), ("head-tail", 1), ("windows", 1)])
def test_long_texts(evaluate: Command, long_text: str, right: float) -> None:
    """Texts that do not fit form a group of their own, however they are cut."""
    texts = {"good": "4", "bad " * 40 + "good " * 90: "4", "good " * 30: "4"}
    write_table(evaluate.folder / "e.csv", [{"text": text, "label": label} for text, label in texts.items()])
    report = json.loads(evaluate("--data", "e.csv", "--long-text", long_text, "--json").stdout)
    groups = [(group["above"], group["up_to"], group["rows"]) for group in report["results"]["e.csv"]["by_length"]]
    assert groups == [(0, 8, 1), (16, 32, 1), (64, None, 1)]
    assert report["results"]["e.csv"]["by_length"][-1]["accuracy"] == right


def test_long_texts_compared(evaluate: Command) -> None:
    """All ways to cut are measured on the texts that have to be cut, and on no other."""
    texts = {"good": "4", "bad " * 40 + "good " * 90: "4", "good " * 90 + "bad " * 40: "4", "bad": "4"}
    write_table(evaluate.folder / "e.csv", [{"text": text, "label": label} for text, label in texts.items()])
    words = ("--data", "e.csv", "--data", "d.csv", "--compare-long-text")
    report = json.loads(evaluate(*words, "--json").stdout)["long_texts"]
    found = {cut: (measured["rows"], measured["accuracy"]) for cut, measured in report["e.csv"].items()}
    assert found == {"head": (2, 0.5), "head-tail": (2, 0.5), "windows": (2, 1.0)}
    assert report["d.csv"] == {}
    told = evaluate(*words).stdout
    assert "  2 rows cut, --long-text windows:   accuracy 100.00% (100.00% to 100.00%), binary 100.00% (" in told
    assert "  none has to be cut (--long-text)" in told


def test_two_files_of_one_name(evaluate: Command) -> None:
    """Files of the same name are told apart by their folders; naming one file twice is a mistake."""
    for folder, text in (("one", "good"), ("other", "bad")):
        (evaluate.folder / folder).mkdir()
        write_table(evaluate.folder / folder / "e.csv", [{"text": text, "label": "4"}])
    words = ("--data", "one/e.csv", "--data", "other/e.csv", "--json")
    results = json.loads(evaluate(*words).stdout)["results"]
    assert {name: measured["accuracy"] for name, measured in results.items()} == {"one/e.csv": 1, "other/e.csv": 0}
    result = evaluate("--data", "d.csv", "--data", "d.csv")
    assert (result.code, error_line(result)) == (78, "two corpora are called 'd.csv': give each a name of its own")


def test_rows_without_text_do_not_count(evaluate: Command) -> None:
    """A row without text is not counted: it has no prediction that could be right or wrong."""
    write_table(evaluate.folder / "d.csv", [{"text": "good", "label": "4"}, {"text": " ", "label": "4"}])
    measured = json.loads(evaluate("--data", "d.csv", "--json").stdout)["results"]["d.csv"]
    assert (measured["rows"], measured["accuracy"]) == (1, 1.0)


def test_data_without_any_text(evaluate: Command) -> None:
    """Data in which nothing can be measured is reported as bad data, not as a crash."""
    write_table(evaluate.folder / "d.csv", [{"text": "", "label": "4"}])
    result = evaluate("--data", "d.csv")
    assert result.code == 65
    assert error_line(result) == "the data holds no text to measure on"


@pytest.mark.parametrize(
    "arguments", [[], ["--data", "d.csv", "--recipe", "r.toml"], ["--behaviour", "--against", "."]]
)
def test_data_or_recipe(evaluate: Command, model: Path, arguments: list[str]) -> None:
    """The data come from --data or from a recipe; only --behaviour needs neither."""
    result = evaluate(*(model if argument == "." else argument for argument in arguments))
    assert (result.code, error_line(result)) == (2, "name the data with --data, or a --recipe: one of the two")


def test_a_recipe_that_counts_otherwise(evaluate: Command) -> None:
    """Numbers mean the recipe's labels: a model that has the same ones in another order would take them for others."""
    labels = "labels = [" + ", ".join(f'"{label}"' for label in reversed(FIVE_CLASSES)) + "]\n"
    corpus = '[[corpus]]\nname = "d"\ntrain = "d.csv"\nheld_out = 1.0\n'
    (evaluate.folder / "r.toml").write_text(labels + corpus, "utf-8")
    result = evaluate("--recipe", "r.toml")
    assert result.code == 78
    assert error_line(result).endswith("give the corpus 'd' a label_map, so that no number means another label")
    maps = "".join(f'{value} = "{label}"\n' for value, label in enumerate(FIVE_CLASSES))
    maps += '"very negative" = "very negative"\n'
    (evaluate.folder / "r.toml").write_text(f"{labels}{corpus}[corpus.label_map]\n{maps}", "utf-8")
    assert evaluate("--recipe", "r.toml").code == 0


def test_against_itself(evaluate: Command, model: Path) -> None:
    """A model compared with itself has no lead."""
    compared = json.loads(evaluate("--data", "d.csv", "--against", model, "--json").stdout)["against"]
    assert compared["results"]["d.csv"] == {
        "rows": 6,
        "accuracy": 0.5,
        "other_accuracy": 0.5,
        "difference": 0,
        "interval": [0, 0],
        "only_first": 0,
        "only_second": 0,
        "p_value": 1,
    }


def test_against_a_worse_one(evaluate: Command, tmp_path: Path) -> None:
    """A model with the words the wrong way round loses every row; it is said if it was trained on them."""
    worse = tmp_path / "worse"
    worse.mkdir()
    save_bag_of_words(worse, good="very negative", bad="very positive")
    write_table(evaluate.folder / "e.csv", [{"text": text, "label": "4"} for text in ("good", "good good", "good a")])
    result = evaluate("--data", "e.csv", "--against", worse)
    assert (result.code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "the other model 0.00% on 3 rows, this one 100.00%: +100.00 points (+100.00 to +100.00)" in lines
    assert "permutation test p = 0.25: 3 rows right with this model only, 0 with the other only" in lines
    stage = {"train_sha256": {"e": sha256_of(evaluate.folder / "e.csv")}}
    edit_json(worse / MANIFEST, origin={"training": [stage]})
    warning = "Warning: e.csv: the other model was trained on this file, "
    assert evaluate("--data", "e.csv", "--against", worse).stderr.startswith(warning)


@pytest.mark.parametrize(
    ("sentences", "groups", "p"), [("aabbcc", 3, 2 / 8), ("abcdef", 6, 2 / 64), ("aaaaaa", 6, 2 / 64)]
)
def test_phrases_of_a_sentence(evaluate: Command, tmp_path: Path, sentences: str, groups: int, p: float) -> None:
    """Phrases of one sentence are one piece of evidence for a difference; of a single sentence, each is."""
    worse = tmp_path / "worse"
    worse.mkdir()
    save_bag_of_words(worse, good="very negative", bad="very positive")
    rows = [{"Phrase": "good", "Sentiment": "4", "SentenceId": sentence} for sentence in sentences]
    write_table(evaluate.folder / "e.tsv", rows)
    words = ("--data", "e.tsv", "--against", worse)
    report = json.loads(evaluate(*words, "--json").stdout)
    assert report["results"]["e.tsv"]["groups"] == groups
    assert report["against"]["results"]["e.tsv"]["p_value"] == pytest.approx(p)
    first = evaluate(*words).stdout.splitlines()[0]
    assert first == ("e.tsv: 6 rows in 3 groups" if groups == 3 else "e.tsv: 6 rows")


def test_against_other_labels(evaluate: Command, tmp_path: Path) -> None:
    """Models with different labels cannot be compared."""
    other = tmp_path / "other"
    other.mkdir()
    save_bag_of_words(other)
    manifest = json.loads((other / "bundle.json").read_text("utf-8"))
    manifest["labels"][0]["name"] = "awful"
    (other / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    result = evaluate("--data", "d.csv", "--against", other)
    assert (result.code, error_line(result)) == (2, f"{other} has other labels: compare models with the same labels")


def test_behaviour(evaluate: Command) -> None:
    """Without data only the behaviour cases are tried: twenty kinds, of which a model of three words meets some."""
    result = evaluate("--behaviour")
    assert (result.code, result.stderr) == (0, "")
    first, *kinds = result.stdout.splitlines()
    assert first.startswith("behaviour: ")
    assert len(kinds) == 20
    assert kinds[0].endswith(" of 10 negation")


def test_behaviour_as_json(evaluate: Command) -> None:
    """The JSON names the cases that were not met."""
    report = json.loads(evaluate("--behaviour", "--json").stdout)
    assert report["results"] == {}
    capitals = report["behaviour"]["capitals"]
    assert (capitals["passed"], capitals["failed"]) == (10, [])  # the tokenizer lower-cases them
    contrast = report["behaviour"]["contrast"]
    assert contrast["passed"] + len(contrast["failed"]) == 10
    assert contrast["failed"][-1]["expectation"] == "positive"


def test_folder(evaluate: Command) -> None:
    """-o leaves the JSON and pictures that can be opened, in addition to what is printed."""
    printed = evaluate("--data", "d.csv", "--behaviour", "--json", "-o", "made/report")
    folder = evaluate.folder / "made" / "report"
    assert printed.code == 0, printed.stderr
    assert {path.name for path in folder.iterdir()} == {"report.json", "evaluation.png", "behaviour.png"}
    assert (folder / "report.json").read_text("utf-8") == printed.stdout
    for name in ("evaluation.png", "behaviour.png"):
        pixels = imread(folder / name)
        assert min(pixels.shape[:2]) > 300
        assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 10


def test_folder_that_cannot_be(evaluate: Command) -> None:
    """A file where the folder should be is reported before anything is measured."""
    result = evaluate("--data", "d.csv", "-o", "d.csv")
    assert (result.code, error_line(result)) == (73, "d.csv: File exists")
    assert result.stdout == ""
