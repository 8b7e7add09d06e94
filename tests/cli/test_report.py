"""`report`: what it refuses, and what it leaves behind."""

import json
import os
import stat
import subprocess
import sys
from datetime import date, timedelta

import pytest
from cli.process import Command, error_line
from cli.tables import read_table, write_table


@pytest.fixture
def scored(score: Command) -> Command:
    """The command, in a folder with `s.csv`, scored."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "-o", "s.csv").code == 0
    return Command(score.folder, ("report",))


def test_a_page_and_a_line_about_it(scored: Command) -> None:
    """Only the page appears, with a new file's permissions; -q is quiet, and stdout stays empty."""
    before = set(scored.contents())
    result = scored("s.csv")
    assert (result.code, result.stdout, result.stderr) == (0, "", "report.html: 4 rows of s.csv\n")
    assert set(scored.contents()) - before == {"report.html"}
    assert stat.S_IMODE((scored.folder / "report.html").stat().st_mode) == 0o666 & ~_umask()
    result = scored("s.csv", "-o", "other.html", "-q")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")


def test_an_existing_page(scored: Command) -> None:
    """An existing page is replaced only with --force."""
    (scored.folder / "report.html").write_text("mine", "utf-8")
    result = scored("s.csv")
    assert (result.code, error_line(result)) == (
        2,
        "report.html exists: choose another output, or replace it with --force",
    )
    assert (scored.folder / "report.html").read_text("utf-8") == "mine"
    assert scored("s.csv", "--force").code == 0


@pytest.mark.parametrize("output", ["none.csv", "none.jsonl", "none.jsonl.gz", "none.parquet", "none/"])
def test_no_rows(scored: Command, score: Command, output: str) -> None:
    """An output without rows has a page too, of the same parts."""
    (score.folder / "none-yet.csv").write_text("id,text\n")
    assert score("none-yet.csv", "-o", output).code == 0
    result = scored(output)
    assert (result.code, result.stderr) == (0, f"report.html: 0 rows of {output}\n")
    assert '<dd id="mean-polarity">–</dd>' in (score.folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize("name", ["s.csv", "link.csv", "s.csv.receipt.json", "s.csv.rejects.jsonl", "old.json"])
def test_it_spares_what_it_is_of(scored: Command, name: str) -> None:
    """The page replaces neither scored rows, nor the files beside them, nor the receipt they are compared to."""
    (scored.folder / "link.csv").symlink_to("s.csv")
    (scored.folder / "s.csv.rejects.jsonl").touch()
    (scored.folder / "old.json").write_bytes((scored.folder / "s.csv.receipt.json").read_bytes())
    before = scored.contents()
    result = scored("s.csv", "--compare-to", "old.json", "-o", name, "--force")
    assert result.code == 2
    assert error_line(result) == f"{name} would be written twice, or over an input: choose another output"
    assert scored.contents() == before


def test_it_spares_a_folder(scored: Command, score: Command) -> None:
    """No page is written into an output folder, whose contents would then no longer match the receipt."""
    assert score("r.csv", "-o", "parts/").code == 0
    before = scored.contents()
    result = scored("parts/", "-o", "parts/report.html")
    assert (result.code, scored.contents()) == (2, before)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["r.csv"], 2, "r.csv: no column 'sentiment'; the columns are: id, text, stars: score it first, or name the"),
        (["half.csv"], 2, "half.csv has no column 'confidence': score it first, or name the --prefix of its columns"),
        (["s.csv", "--prefix", "x_"], 2, "s.csv: no column 'x_sentiment'; the columns are: id, text, stars, sent"),
        (["s.csv", "--by", ""], 2, "no column ''; the columns are: id, text, stars, sentiment, confidence"),
        (["s.csv", "--by", "shop"], 2, "no column 'shop'; the columns are: id, text, stars, sentiment, confidence"),
        (["s.csv", "--text-column", "review"], 2, "no column 'review'; the columns are: id, text, stars"),
        (["s.csv", "-o", "-"], 2, "-: a page is written to a file of this machine: name one with -o"),
        (["nothing.csv"], 66, "nothing.csv: no such file"),
        (["notes.txt"], 2, "notes.txt: not one of .parquet, .csv"),
        (["empty/"], 66, "empty/: no scored file in this folder"),
        (["s.csv", "--compare-to", "no/r.json"], 66, "no/r.json: no such file: only a finished run leaves a receipt"),
        (["s.csv", "--compare-to", "s.csv"], 2, "s.csv is not a receipt: name that of an output, such as s.csv.rec"),
        (["s.csv", "--compare-to", "odd.json"], 65, "odd.json is not a receipt of this version: Object missing"),
        (["bad.csv"], 65, "bad.csv: not what score writes: "),
        (["bad.jsonl"], 65, "bad.jsonl: not what score writes: "),
        (["torn.csv"], 65, "torn.csv: line 2: "),
        (["s.csv", "-o", "no/report.html"], 73, "no/report.html: no folder no/: create it first"),
        (["s.csv", "-o", "empty"], 73, "empty is a folder, not a file: choose another output"),
        (["s.csv", "--top", "-1"], 2, "Invalid value for '--top': -1 is not in the range 0<=x<=1000."),
    ],
)
def test_bad_input(scored: Command, arguments: list[str], code: int, message: str) -> None:
    """Bad input gives one line that says what is wrong, its exit code, and no page."""
    folder = scored.folder
    (folder / "empty").mkdir()
    (folder / "notes.txt").touch()
    (folder / "half.csv").write_text("text,sentiment\ngood,positive\n", "utf-8")
    row = {"text": "good", "sentiment": "positive", "confidence": "0.5", "polarity": "high", "n_tokens": "3"}
    write_table(folder / "bad.csv", [row | {"truncated": "false", "sentiment_error": ""}])
    write_table(folder / "bad.jsonl", [row | {"truncated": False, "sentiment_error": None}])
    header, *_ = (folder / "s.csv").read_text("utf-8").splitlines()
    (folder / "torn.csv").write_text(f"{header}\n1,good\n", "utf-8")
    (folder / "odd.json").write_text(
        json.dumps({"schema_version": 1, "run": "1", "distribution": {"labels": {}}}), "utf-8"
    )
    result = scored(*arguments)
    assert result.code == code, result.stderr
    assert error_line(result).startswith(message)
    assert not (folder / "report.html").exists()


def test_of_standard_input(scored: Command, score: Command) -> None:
    """Input that came through a pipe has no size, and the page shows none."""
    assert score("-", "-o", "piped.csv", stdin=(score.folder / "r.csv").read_bytes()).code == 0
    assert scored("piped.csv").code == 0
    assert '<code>-</code></th><td class="number">–</td>' in (score.folder / "report.html").read_text("utf-8")


def test_too_many_values(scored: Command) -> None:
    """A column with too many different values is refused as a group, so that memory stays bounded; 30 years are not."""
    row = read_table(scored.folder / "s.csv")[0]
    days = (date(1990, 1, 1) + timedelta(day) for day in range(100_001))
    rows = [row | {"id": str(day)} for day in days]
    write_table(scored.folder / "many.csv", rows)
    result = scored("many.csv", "--by", "id")
    assert (result.code, error_line(result)) == (
        2,
        "--by has more than 100,000 different values: choose a column with fewer",
    )
    write_table(scored.folder / "years.csv", rows[: 30 * 365])
    assert scored("years.csv", "--by", "id").code == 0


def test_the_extra_is_named(scored: Command) -> None:
    """Without the packages of the extra, the message gives the command that installs them."""
    without = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'jinja2' else find(name, *rest)\n"
        "from sentiment_batch.cli import main\n"
        "sys.argv = ['sentiment-batch', 'report', 's.csv']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", without], cwd=scored.folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "Error: jinja2 is not installed: pip install 'sentiment-batch[report]'\n"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
