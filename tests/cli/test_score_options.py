"""What `score` adds, keeps, prints and refuses."""

import json
import os

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.process import Command, error_line
from cli.tables import ADDED, REVIEWS, read_table, write_table

from sentiment_batch.cli.main import cli
from sentiment_batch.labels import FIVE_CLASSES


def test_added_columns(score: Command) -> None:
    """The added columns have the documented types and values; a row with no text has nulls and the reason."""
    pq.write_table(pa.table({"text": ["good", "", None, "good " * 99]}), score.folder / "r.parquet")
    assert score("r.parquet").code == 0
    table = pq.read_table(score.folder / "r.scored.parquet")
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == {
        "text": pa.string(),
        "sentiment": pa.string(),
        "confidence": pa.float32(),
        "polarity": pa.float32(),
        "n_tokens": pa.int32(),
        "truncated": pa.bool_(),
        "sentiment_error": pa.string(),
    }
    first, empty, null, long = table.to_pylist()
    # One "good" gives logits 0, 0, 0, 0, 2: softmax by hand.
    best = 2.718281828459045**2 / (2.718281828459045**2 + 4)
    assert first["confidence"] == pytest.approx(best, abs=1e-6)
    assert first["polarity"] == pytest.approx(best - (1 - best) / 4, abs=1e-6)
    assert (first["sentiment"], first["n_tokens"], first["truncated"]) == ("very positive", 3, False)
    assert [empty[name] for name in ADDED] == [None, None, None, 0, False, "empty_text"]
    assert [null[name] for name in ADDED] == [None, None, None, 0, False, "null_text"]
    assert (long["n_tokens"], long["truncated"]) == (64, True)


def test_columns_keeps_only_those(score: Command) -> None:
    """--columns keeps the named columns, in the order of the file; the text column need not be among them."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "--columns", "stars,id").code == 0
    assert list(read_table(score.folder / "r.scored.csv")[0]) == ["id", "stars", *ADDED]
    write_table(score.folder / "r.csv", [{"id": "1", "text": "good", "taste, smell": "2"}])
    assert score("r.csv", "--columns", 'id,"taste, smell"', "--force").code == 0
    assert list(read_table(score.folder / "r.scored.csv")[0]) == ["id", "taste, smell", *ADDED]
    assert score("r.csv", "--columns", '"id', "--force").code == 2


def test_columns_that_are_not_there(score: Command) -> None:
    """--columns refuses a name that the input lacks and lists those that it has."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "--columns", "id,rating")
    assert result.code == 2
    assert error_line(result) == "r.csv: no column 'rating' to keep; the columns are: id, text, stars"
    write_table(score.folder / "r.csv", [{"text": "good", "taste, smell": "2"}])
    result = score("r.csv", "--columns", "taste")
    assert error_line(result).endswith('the columns are: text, "taste, smell"')


@pytest.mark.parametrize("tab", ["tab", r"\t", "\t"])
def test_dialect(score: Command, tab: str) -> None:
    """--delimiter, --quote and --encoding say how CSV is read; the output is ordinary CSV."""
    (score.folder / "r.csv").write_bytes("id\ttext\n1\t'schön, good'\n".encode("latin-1"))
    assert score("r.csv", "--delimiter", tab, "--quote", "'", "--encoding", "latin-1").code == 0
    assert (score.folder / "r.scored.csv").read_text("utf-8").splitlines()[1].startswith('1,"schön, good",')


def test_no_quotes(score: Command) -> None:
    """--quote none reads quotes as text."""
    (score.folder / "r.csv").write_bytes(b'text\n"good\n')
    assert score("r.csv", "--quote", "none").code == 0
    assert read_table(score.folder / "r.scored.csv")[0]["text"] == '"good'


@pytest.mark.parametrize(("name", "header"), [("r.csv", "text\n"), ("r.jsonl", "")])
def test_max_field_bytes(score: Command, name: str, header: str) -> None:
    """--max-field-bytes bounds the fields of CSV and the lines of JSON."""
    (score.folder / name).write_text(header + '{"text": "good"}\n', "utf-8")
    assert score(name, "--quote", "none", "--max-field-bytes", "16").code == 0
    result = score(name, "--quote", "none", "--max-field-bytes", "15", "--force")
    assert result.code == 65
    assert error_line(result).startswith(f"{name}: line {1 + len(header.splitlines())}: ")


def test_guard_formulas(score: Command) -> None:
    """--guard-formulas puts an apostrophe before what a spreadsheet would compute, and before nothing else."""
    formulas = ["=1+1", "+cmd|' /C calc'!A0", "-good", "@SUM(1)", "\tgood", "\rgood", "\0good", "＝1", "\t=1", " \n=1"]
    texts = [*formulas, "-5", "+1.5e3", "good = bad", "good", "'=1"]
    write_table(score.folder / "r.csv", [{"text": text} for text in texts])
    assert score("r.csv").code == 0
    assert [row["text"] for row in read_table(score.folder / "r.scored.csv")] == texts
    assert score("r.csv", "--guard-formulas", "--force").code == 0
    guarded = [row["text"] for row in read_table(score.folder / "r.scored.csv")]
    assert guarded == [f"'{text}" for text in formulas] + texts[10:]
    assert score("r.csv", "--guard-formulas", "-o", "out.jsonl").code == 0
    assert [row["text"] for row in read_table(score.folder / "out.jsonl")] == texts


def test_guarded_names(score: Command) -> None:
    """Column names, ids and the model's labels are guarded too; computed values are left as they are."""
    write_table(score.folder / "r.tsv", [{"=id": "=1", "text": "bad"}])
    assert score("r.tsv", "--guard-formulas").code == 0
    [row] = read_table(score.folder / "r.scored.tsv")
    assert row["'=id"] == "'=1"
    assert float(row["polarity"]) < 0


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet", "out/"])
def test_guarded_names_are_known_again(score: Command, command: Command, output: str) -> None:
    """verify and report find the columns that were guarded, by their own names."""
    write_table(score.folder / "r.csv", [{"=id": "=1", "@text": "bad"}])
    options = ("--guard-formulas", "--prefix", "@", "--text-column", "@text", "--probabilities")
    assert score("r.csv", "-o", output, *options).code == 0
    result = command("verify", output, "--rescore", "1")
    assert result.code == 0, error_line(result)
    assert command("report", output, "-q", "--by", "=id").code == 0
    page = (score.folder / "report.html").read_text("utf-8")
    assert "very negative" in page
    assert "<q>bad</q>" in page or ">bad<" in page


def test_probabilities(score: Command) -> None:
    """--probabilities adds one column per label; they sum to 1, and the largest is the confidence."""
    write_table(score.folder / "r.parquet")
    assert score("r.parquet", "--probabilities").code == 0
    names = [f"p_{label.replace(' ', '_')}" for label in FIVE_CLASSES]
    table = pq.read_table(score.folder / "r.scored.parquet")
    assert table.schema.names == [*REVIEWS[0], *ADDED, *names]
    first, _, unscorable, _ = table.to_pylist()
    assert sum(first[name] for name in names) == pytest.approx(1)
    assert max(first[name] for name in names) == first["confidence"] == first["p_very_positive"]
    assert [unscorable[name] for name in names] == [None] * len(names)


@pytest.mark.parametrize(
    "option", ["--columns", "--compare-to", "--metrics-file", "--model", "--openlineage-file", "--output"]
)
def test_an_unset_variable(score: Command, option: str) -> None:
    """A setting is not dropped because a shell variable has no value."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", option, "")
    assert (result.code, "is a shell variable unset?" in error_line(result)) == (2, True)
    assert list(score.contents()) == ["r.csv"]


@pytest.mark.parametrize("option", ["--prefix", "--quote", "--delimiter"])
def test_what_is_not_text(score: Command, option: str) -> None:
    """What is put into columns, or looked for in text, is text itself."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", option, os.fsdecode(b"\xff"))
    assert (result.code, error_line(result)) == (2, f"Invalid value for '{option}': '\\udcff' is not UTF-8")


def test_prefix(score: Command) -> None:
    """--prefix is put before the name of every added column."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "--prefix", "m_").code == 0
    assert list(read_table(score.folder / "r.scored.csv")[0]) == [*REVIEWS[0], *(f"m_{name}" for name in ADDED)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_clash_names_prefix(score: Command, suffix: str) -> None:
    """An input column that would be overwritten is an error that suggests --prefix."""
    write_table(score.folder / f"r.{suffix}", [{"text": "good", "polarity": "x"}])
    result = score(f"r.{suffix}")
    assert result.code == 2
    assert error_line(result) == (f"r.{suffix}: the input already has a column 'polarity': choose another --prefix")
    assert list(score.contents()) == [f"r.{suffix}"]
    assert score(f"r.{suffix}", "--prefix", "m_").code == 0


@pytest.mark.parametrize("name", ["text", "review", "Phrase"])
def test_known_text_columns(score: Command, name: str) -> None:
    """Texts are read from the one column that has a known name."""
    write_table(score.folder / "r.csv", [{"x": "bad", name: "good"}])
    assert score("r.csv").code == 0
    assert read_table(score.folder / "r.scored.csv")[0]["sentiment"] == "very positive"


def test_text_column_option(score: Command) -> None:
    """--text-column takes precedence over the known names."""
    write_table(score.folder / "r.csv", [{"text": "bad", "opinion": "good"}])
    assert score("r.csv", "--text-column", "opinion").code == 0
    assert read_table(score.folder / "r.scored.csv")[0]["sentiment"] == "very positive"


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (
            ["id", "opinion"],
            [],
            "no known column name: name the column with --text-column; the columns are: id, opinion",
        ),
        (
            ["review", "Phrase"],
            [],
            "'review' and 'Phrase' could be meant: name the column with --text-column; the columns are: review, Phrase",
        ),
        (["id", "text"], ["--text-column", "txt"], "no column 'txt'; the columns are: id, text"),
        (["id", " text"], ["--text-column", "text"], "no column 'text'; the columns are: id, \" text\""),
        (["id;text"], [], "the columns are: id;text: if they are several, name what is between (`score --delimiter`)"),
    ],
)
def test_no_text_column(score: Command, columns: list[str], options: list[str], message: str) -> None:
    """A missing or ambiguous text column is an error that lists the columns."""
    write_table(score.folder / "r.csv", [dict.fromkeys(columns, "good")])
    result = score("r.csv", *options)
    assert result.code == 2
    assert message in error_line(result)
    assert list(score.contents()) == ["r.csv"]


def test_text_column_that_holds_numbers(score: Command) -> None:
    """A Parquet column of numbers cannot be the text column."""
    pq.write_table(pa.table({"text": [1, 2]}), score.folder / "r.parquet")
    result = score("r.parquet")
    assert result.code == 2
    assert error_line(result) == "r.parquet: column 'text' holds int64, not text: name another with --text-column"


def test_dry_run_writes_nothing(score: Command) -> None:
    """--dry-run says what would be done, and does not do it."""
    write_table(score.folder / "r.parquet")
    result = score("r.parquet", "-o", "out.csv", "--dry-run")
    assert (result.code, result.stdout) == (0, "")
    for line in ("output: out.csv", "format: csv", "text_column: text", "rows: 4"):
        assert line in result.stderr.splitlines()
    plan = json.loads(score("r.parquet", "--dry-run", "--json").stdout)
    assert plan["columns"] == [*REVIEWS[0], *ADDED]
    assert list(score.contents()) == ["r.parquet"]


@pytest.mark.parametrize(
    "options",
    [
        ["--threads", "3"],
        ["--batch-tokens", "1"],
        ["--threads", "auto", "--batch-tokens", "auto"],
        ["--long-text", "windows"],
        ["--max-tokens", "64"],
    ],
)
def test_options_that_keep_the_answer(score: Command, options: list[str]) -> None:
    """For texts that fit, none of these options changes a byte of the output."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "-o", "plain.csv").code == 0
    assert score("r.csv", "-o", "other.csv", *options).code == 0
    assert (score.folder / "plain.csv").read_bytes() == (score.folder / "other.csv").read_bytes()


@pytest.mark.parametrize("option", ["--threads", "--batch-tokens"])
@pytest.mark.parametrize("number", ["0", "-1", "1.5", "1" * 20, "all"])
def test_number_or_auto(score: Command, option: str, number: str) -> None:
    write_table(score.folder / "r.csv")
    result = score("r.csv", option, number)
    assert result.code == 2
    problem = f"{number!r} is neither a whole number above 0 nor auto"
    assert error_line(result) == f"Invalid value for '{option}': {problem}"


def test_long_text(score: Command) -> None:
    """--long-text reads the beginning of a long text, its beginning and end, or all of it."""
    write_table(score.folder / "r.csv", [{"text": "good " * 16 + "bad " * 16}])
    found = {}
    for choice in ("head", "head-tail", "windows"):
        score("r.csv", "-o", f"{choice}.csv", "--max-tokens", "18", "--long-text", choice)
        row = read_table(score.folder / f"{choice}.csv")[0]
        found[choice] = (row["sentiment"], row["n_tokens"], row["truncated"])
    assert found == {
        "head": ("very positive", "18", "true"),
        "head-tail": ("very negative", "18", "true"),
        "windows": ("very negative", "36", "false"),  # a tie goes to the first label
    }


@pytest.mark.parametrize("foreign", ["thesis.docx", "part-00000.csv/", ".git/"])
def test_a_folder_of_other_things(score: Command, foreign: str) -> None:
    """A folder that holds anything but parts is never replaced, not even with --force."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "-o", "out/").code == 0
    assert score("r.csv", "-o", "out/", "--force").code == 0
    path = score.folder / "out" / foreign
    if foreign.endswith("/"):
        path = score.folder / "out" / f"x{foreign}" if path.exists() else path
        path.mkdir()
    else:
        path.write_bytes(b"years of work")
    before = score.contents()
    result = score("r.csv", "-o", "out/", "--force")
    assert result.code == 2
    assert error_line(result).startswith(f"out/ holds {path.name!r}, which sentiment-batch has not put there")
    assert score.contents() == before
    assert path.exists()


@pytest.mark.parametrize("options", [("--max-reject-rate", "nan"), ("--settle", "nan"), ("--settle", "inf")])
def test_no_number(score: Command, options: tuple[str, ...]) -> None:
    """A number that no bound can be compared with is refused."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", *options)
    assert result.code == 2
    assert f"'{options[1]}' is not a number" in result.stderr


@pytest.mark.parametrize(
    ("value", "seconds"), [("00:00:05", 5), ("00:03:00", 180), ("2:03:04", 7384), ("100:00:00", 360_000)]
)
def test_deadline(value: str, seconds: int) -> None:
    """Hours, minutes and seconds, as schedulers have them."""
    context = cli.commands["score"].make_context("score", ["r.csv", "--deadline", value], obj={})
    assert context.params["deadline"] == seconds


@pytest.mark.parametrize("value", ["90", "01:30", "00:60:00", "00:00:60", "-1:00:00", "1:2:3", "00:00:01.5", ""])
def test_no_deadline(value: str) -> None:
    """What could be read in two ways is not read in one."""
    with pytest.raises(click.BadParameter, match="is not a time like 02:00:00"):
        cli.commands["score"].make_context("score", ["r.csv", "--deadline", value], obj={})


def test_traces_of_a_finished_run(score: Command) -> None:
    """Traces left by an earlier run are removed by the next run, but not by a dry run."""
    write_table(score.folder / "r.csv")
    traces = (".out.csv.lock", ".out.csv.removed")
    (score.folder / traces[0]).touch()
    (score.folder / traces[1]).mkdir()
    assert score("r.csv", "-o", "out.csv", "--dry-run").code == 0
    assert all((score.folder / trace).exists() for trace in traces)
    assert score("r.csv", "-o", "out.csv").code == 0
    assert not any((score.folder / trace).exists() for trace in traces)


def test_an_address_of_ray(score: Command) -> None:
    """--ray-address without --engine ray is refused; RAY_ADDRESS in the environment is ignored."""
    path = write_table(score.folder / "r.csv")
    result = score(path, "--ray-address", "head:6379")
    assert (result.code, error_line(result)) == (2, "--ray-address requires --engine ray")
    assert list(score.contents()) == ["r.csv"]
    assert score(path, environment={"RAY_ADDRESS": "head:6379"}).code == 0
