"""From a scored test file to a submission, and its upload to Kaggle."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Result, error_line
from fetching.conftest import COMPETITION, Setting
from support import edit_json

PHRASES = {"156061": "good", "156062": "bad", "156063": "a film", "156064": " "}
CLASSES = {"156061": "4", "156062": "0", "156063": "0", "156064": "2"}
OPTIONS = ("--test", "test.tsv")


@pytest.fixture
def scored(setting: Setting, model: Path) -> Setting:
    """The setting with the competition's test file and scored.csv."""
    lines = (f"{number}\t1\t{phrase}\n" for number, phrase in PHRASES.items())
    (setting.command.folder / "test.tsv").write_text("PhraseId\tSentenceId\tPhrase\n" + "".join(lines), "utf-8")
    assert setting.run("score", "test.tsv", "--model", model, "-o", "scored.csv").code == 0
    return setting


def submit(setting: Setting, scored: str, *options: str | Path) -> Result:
    return setting.run("submit", "kaggle", COMPETITION, scored, *OPTIONS, *options)


def submission(setting: Setting) -> list[list[str]]:
    content = (setting.command.folder / "submission.csv").read_text("utf-8")
    return list(csv.reader(content.splitlines()))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.zst"])
def test_formats(scored: Setting, model: Path, suffix: str) -> None:
    """Any format that `score` writes becomes PhraseId,Sentiment, in the order of the test file; nothing is sent."""
    name = f"by-format.{suffix}"
    assert scored.run("score", "test.tsv", "--model", model, "-o", name, "--columns", "PhraseId").code == 0
    result = submit(scored, name)
    assert (result.code, result.stdout) == (0, "")
    assert submission(scored) == [["PhraseId", "Sentiment"], *map(list, CLASSES.items())]
    assert result.stderr.splitlines() == [
        "submission.csv: 4 phrases, 1 of them without a prediction: neutral (2)",
    ]
    assert scored.server.requests == []


@pytest.mark.parametrize("name", ["scored.csv", "scored.csv.receipt.json", "test.tsv", "link.tsv"])
def test_it_spares_what_it_is_of(scored: Setting, name: str) -> None:
    """The submission replaces neither the test file nor the scored file nor its receipt."""
    (scored.command.folder / "link.tsv").symlink_to("test.tsv")
    before = scored.command.contents()
    result = submit(scored, "scored.csv", "-o", name, "--force")
    assert result.code == 2
    assert error_line(result) == f"{name} would be written twice, or over an input: choose another output"
    assert scored.command.contents() == before


def test_quiet(scored: Setting) -> None:
    """-q says nothing."""
    result = submit(scored, "scored.csv", "-q")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], "of test.tsv that are not in changed.csv: 1 (156061)"),
        (lambda rows: rows[:1], "of test.tsv that are not in changed.csv: 3 (156062, 156063, 156064)"),
        (lambda rows: [], "of test.tsv that are not in changed.csv: 4 (156061, 156062, 156063, …)"),
        (lambda rows: [*rows, rows[0]], "that stand twice in changed.csv: 1 (156061)"),
        (lambda rows: [*rows, ["7", "neutral"]], "of changed.csv that are not in test.tsv: 1 (7)"),
        (lambda rows: [["0156061", "neutral"], *rows[1:]], "of test.tsv that are not in changed.csv: 1 (156061)"),
    ],
)
def test_other_phrases(scored: Setting, change, message: str) -> None:  # type: ignore[no-untyped-def]
    """Ids that are missing, doubled or unknown are errors, and no file is written."""
    rows = [[number, "neutral"] for number in PHRASES]
    lines = [",".join(row) for row in [["PhraseId", "sentiment"], *change(rows)]]
    (scored.command.folder / "changed.csv").write_text("\n".join(lines) + "\n", "utf-8")
    result = submit(scored, "changed.csv")
    assert (result.code, error_line(result)) == (65, f"PhraseIds {message}: score the whole test file, once")
    assert not (scored.command.folder / "submission.csv").exists()


def test_doubled_in_the_test_file(scored: Setting) -> None:
    """A test file that has an id twice is refused."""
    with (scored.command.folder / "test.tsv").open("a", encoding="utf-8") as file:
        file.write("156061\t1\tgood\n")
    result = submit(scored, "scored.csv")
    assert result.code == 65
    assert error_line(result).startswith("PhraseIds that stand twice in test.tsv: 1 (156061)")


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("PhraseId,label\n1,neutral\n", 2, "scored.csv: no column 'sentiment'; the columns are: PhraseId, label"),
        ("id,sentiment\n1,neutral\n", 2, "scored.csv: no column 'PhraseId' to keep; the columns are: id, sentiment"),
        ("PhraseId,sentiment\n156061,5 stars\n156062,\n156063,\n156064,\n", 78, "scored.csv has the label '5 stars', "),
        ("PhraseId,sentiment\n1\n", 65, "scored.csv: line 2: "),
    ],
)
def test_not_scored(scored: Setting, content: str, code: int, message: str) -> None:
    """A file that was not scored, or scored with other labels, is refused."""
    (scored.command.folder / "scored.csv").write_text(content, "utf-8")
    result = submit(scored, "scored.csv")
    assert result.code == code
    assert error_line(result).startswith(message)


def test_labels_of_another_model(scored: Setting, tmp_path: Path) -> None:
    """A model without five labels is refused."""
    save_bag_of_words(tmp_path)
    manifest = json.loads((tmp_path / "bundle.json").read_text("utf-8"))
    manifest["labels"] = manifest["labels"][:3]
    (tmp_path / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    result = submit(scored, "scored.csv", "--model", tmp_path)
    assert result.code == 78
    assert error_line(result) == "the model has 3 labels, the competition 5 classes: name the right one with --model"


@pytest.mark.parametrize(
    ("polarities", "code", "classes"),
    [([1.0, 0.5, 0.0, -0.5, -1.0], 0, ["0", "4", "4", "2"]), ([None] * 5, 78, [])],
    ids=["reversed", "none"],
)
def test_labels_are_ranked(
    scored: Setting, tmp_path: Path, polarities: list[float | None], code: int, classes: list[str]
) -> None:
    """A class is the rank of a label's polarity, in whatever order the model has them; labels without are refused."""
    save_bag_of_words(tmp_path)

    def change(manifest: dict[str, Any]) -> None:
        for label, polarity in zip(manifest["labels"], polarities, strict=True):
            label["polarity"] = polarity

    edit_json(tmp_path / "bundle.json", change)
    result = submit(scored, "scored.csv", "--model", tmp_path)
    assert result.code == code
    assert code == 0 or error_line(result).startswith("the model's labels have no known order")
    assert code != 0 or [row[1] for row in submission(scored)[1:]] == classes


def test_missing_files(scored: Setting) -> None:
    """A file that does not exist is named."""
    result = submit(scored, "nothing.csv")
    assert (result.code, error_line(result)) == (66, "nothing.csv: no such file")


def test_existing_output(scored: Setting) -> None:
    """An existing file is replaced only with --force."""
    path = scored.command.folder / "submission.csv"
    path.write_text("mine", "utf-8")
    assert submit(scored, "scored.csv").code == 2
    assert path.read_text("utf-8") == "mine"
    assert submit(scored, "scored.csv", "--force").code == 0
    assert submission(scored)[1:] == [list(row) for row in CLASSES.items()]


def test_upload(scored: Setting) -> None:
    """With --upload, the written file is submitted with the message."""
    result = submit(scored, "scored.csv", "--upload", "-m", "mine")
    assert (result.code, result.stdout) == (0, "")
    assert scored.kaggle.uploaded == (scored.command.folder / "submission.csv").read_bytes()
    assert scored.kaggle.submissions == [
        {"competitionName": COMPETITION, "blobFileTokens": "blob", "submissionDescription": "mine"}
    ]
    assert result.stderr.endswith(f"submitted: see https://www.kaggle.com/competitions/{COMPETITION}/submissions\n")


def test_upload_without_a_token(scored: Setting) -> None:
    """Without a token, the file is still written and can be uploaded by hand."""
    scored.environment["KAGGLE_API_TOKEN"] = ""
    result = submit(scored, "scored.csv", "--upload")
    assert result.code == 78
    assert error_line(result).startswith("no Kaggle token: ")
    assert (scored.command.folder / "submission.csv").exists()


def test_upload_is_not_repeated(scored: Setting) -> None:
    """A server that fails may have taken the submission: it is asked only once, and the error says where to look."""
    scored.server.fail("CreateSubmission", 503)
    result = submit(scored, "scored.csv", "--upload")
    assert result.code == 75
    assert error_line(result) == (
        "Kaggle fails for now (503); see at "
        f"https://www.kaggle.com/competitions/{COMPETITION}/submissions whether it has arrived, before you try again"
    )
    assert len(scored.server.asked("CreateSubmission")) == 1


def test_upload_waits(scored: Setting) -> None:
    """A busy server has not taken the submission, so it is asked again."""
    scored.server.fail("CreateSubmission", 429, **{"Retry-After": "0"})
    assert submit(scored, "scored.csv", "--upload").code == 0
    assert len(scored.kaggle.submissions) == 1


@pytest.mark.parametrize(("status", "code", "message"), [(403, 78, "accept the rules at"), (400, 74, "refuses")])
def test_upload_is_refused(scored: Setting, status: int, code: int, message: str) -> None:
    """A refusal by Kaggle is reported."""
    scored.server.fail("CreateSubmission", status)
    result = submit(scored, "scored.csv", "--upload")
    assert result.code == code
    assert message in error_line(result)


def test_storage_fails(scored: Setting) -> None:
    """If the file could not be uploaded, nothing is submitted."""
    scored.server.fail("storage.test", 400)
    result = submit(scored, "scored.csv", "--upload")
    assert result.code == 74
    assert error_line(result).startswith("submission.csv could not be uploaded: ")
    assert scored.kaggle.submissions == []


def test_wrong_usage(scored: Setting) -> None:
    """A message without --upload, or a data set as the target, is wrong usage; nothing is written."""
    assert submit(scored, "scored.csv", "-m", "mine").code == 2
    assert scored.run("submit", "kaggle", "owner/name", "scored.csv", *OPTIONS, "--upload").code == 2
    assert not (scored.command.folder / "submission.csv").exists()
