"""Which files `score` reads, and which it writes."""

import json
import os
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.process import Command, error_line
from cli.tables import ADDED, REVIEWS, decode, read_table, write_table
from faults.disk import needs_mounts
from filelock import FileLock

FORMATS = ["csv", "tsv", "jsonl", "parquet"]


@pytest.mark.parametrize("suffix", [kind + packed for kind in FORMATS for packed in ("", ".gz", ".zst")])
def test_output_stands_beside_the_input(score: Command, suffix: str) -> None:
    """Without -o every format keeps rows, order, columns and values, in `NAME.scored.SUFFIX`."""
    write_table(score.folder / f"reviews.{suffix}")
    result = score(f"reviews.{suffix}")
    assert (result.code, result.stdout) == (0, "")
    output = f"reviews.scored.{suffix}"
    assert sorted(score.contents()) == sorted([f"reviews.{suffix}", output, f"{output}.receipt.json"])
    rows = read_table(score.folder / f"reviews.scored.{suffix}")
    assert [{name: row[name] for name in REVIEWS[0]} for row in rows] == REVIEWS
    assert all(list(row) == [*REVIEWS[0], *ADDED] for row in rows)
    assert [row["sentiment_error"] or None for row in rows] == [None, None, "empty_text", None]
    assert [row["sentiment"] or None for row in rows][:3] == ["very positive", "very negative", None]


def test_existing_output_is_kept(score: Command) -> None:
    """An output that already exists is refused and left as it is."""
    write_table(score.folder / "reviews.csv")
    (score.folder / "reviews.scored.csv").write_text("mine")
    before = score.contents()
    result = score("reviews.csv")
    assert result.code == 2
    assert error_line(result) == "reviews.scored.csv exists: choose another output, or replace it with --force"
    assert score.contents() == before


def test_force_replaces_the_output(score: Command) -> None:
    """--force replaces an existing output."""
    write_table(score.folder / "reviews.csv")
    (score.folder / "reviews.scored.csv").write_text("old")
    assert score("reviews.csv", "--force").code == 0
    assert len(read_table(score.folder / "reviews.scored.csv")) == len(REVIEWS)


@pytest.mark.parametrize("output", ["out.parquet", "out.jsonl.gz", "out.tsv.zst"])
def test_output_format_follows_its_suffix(score: Command, output: str) -> None:
    """The suffix of -o chooses format and compression."""
    write_table(score.folder / "reviews.csv")
    assert score("reviews.csv", "-o", output).code == 0
    rows = read_table(score.folder / output)
    assert [row["id"] for row in rows] == [row["id"] for row in REVIEWS]
    assert rows[0]["sentiment"] == "very positive"


def test_several_outputs_continue(score: Command) -> None:
    """Outputs that an earlier run finished are left as they are if others are missing; a single one is refused."""
    for name in ("a", "b"):
        write_table(score.folder / f"{name}.csv")
    assert score("a.csv").code == 0
    finished = score.contents()
    result = score("a.csv", "b.csv")
    assert result.code == 0
    assert f"{2 * len(REVIEWS)} rows" in result.stderr
    assert "written to a.scored.csv, b.scored.csv" in result.stderr
    assert finished.items() <= score.contents().items()
    write_table(score.folder / "c.csv")
    write_table(score.folder / "b.csv", REVIEWS[:1])
    assert score("a.csv", "b.csv", "c.csv").code == 2
    assert score("a.csv", "a.csv").code == 2
    assert score("a.csv").code == 2


@pytest.mark.parametrize(("limit", "code"), [("0", 65), ("0.5", 3)])
def test_several_outputs_continue_behind_rejects(score: Command, limit: str, code: int) -> None:
    """The run that continues ends as one that was never stopped, and leaves the rejects as they are."""
    (score.folder / "a.csv").write_text("text\ngood\nbad,more\n")
    write_table(score.folder / "b.csv")
    command = ("--max-reject-rate", limit, "--metrics-file", "m.prom")
    assert score("a.csv", *command).code == code
    finished = {name: content for name, content in score.contents().items() if name != "m.prom"}
    result = score("a.csv", "b.csv", *command)
    assert result.code == code
    assert '="rejected"} 1' in (score.folder / "m.prom").read_text()
    assert len(read_table(score.folder / "b.scored.csv")) == len(REVIEWS)
    assert finished.items() <= score.contents().items()
    if code == 65:
        assert error_line(result) == (
            "a.scored.csv: 1 of 2 records are rejected: see a.scored.csv.rejects.jsonl; a.scored.csv has the others"
        )
        (score.folder / "b.scored.csv").unlink()
        assert score("a.csv", "b.csv", "--max-reject-rate", "0.5").code == 2


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.scored.csv", b"altered", ()),
        ("a.scored.csv.receipt.json", b"{}", ()),
        ("a.csv", b"text\nbad\n", ()),
        ("b.csv", b"text\nbad\n", ("--prefix", "m_")),
    ],
)
def test_outputs_that_are_not_done(score: Command, name: str, content: bytes, options: tuple[str, ...]) -> None:
    """Where output, receipt, input or options are not what they were, an output is one that exists, and is kept."""
    for path in ("a.csv", "b.csv"):
        write_table(score.folder / path)
    assert score("a.csv").code == 0
    (score.folder / name).write_bytes(content)
    before = score.contents()
    result = score("a.csv", "b.csv", *options)
    assert (result.code, error_line(result).split(":")[0]) == (2, "a.scored.csv exists")
    assert score.contents() == before


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_several_inputs_into_one_file(score: Command, suffix: str) -> None:
    """A file named by -o receives the rows of all inputs in the order given, its columns as they are in the first."""
    write_table(score.folder / f"b.{suffix}.gz", REVIEWS[:2])
    write_table(score.folder / f"a.{suffix}", [dict(reversed(row.items())) for row in REVIEWS[2:]])
    assert score(f"b.{suffix}.gz", f"a.{suffix}", "-o", "all.csv").code == 0
    found = read_table(score.folder / "all.csv")
    assert [{name: row[name] for name in list(row)[:3]} for row in found] == REVIEWS
    assert list(found[0])[:3] == list(REVIEWS[0])


@pytest.mark.parametrize(
    ("row", "difference"),
    [
        ({"id": "1"}, "column 'text' is missing, in a.csv it is string"),
        ({"id": "1", "text": "good", "stars": "5"}, "column 'stars' is string, in a.csv it is missing"),
    ],
)
def test_inputs_of_different_columns_do_not_mix(score: Command, row: dict[str, str], difference: str) -> None:
    """Inputs with different columns go to one file only without these; until then nothing is written."""
    write_table(score.folder / "a.csv", [{"id": "1", "text": "good"}])
    write_table(score.folder / "b.csv", [row])
    inputs = ("a.csv", "b.csv", "-o", "all.csv", "--text-column", "id")
    result = score(*inputs)
    assert result.code == 2
    advice = "keep those that are alike (--columns), or score it into another output"
    assert error_line(result) == f"b.csv: {difference}: {advice}"
    assert sorted(score.contents()) == ["a.csv", "b.csv"]
    assert score(*inputs, "--columns", "id").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.csv", "./a.csv"), "a.csv is named more than once"),
        (("hard.csv", "k.csv", "-o", "out.csv"), "hard.csv is named more than once"),
        ((".", "a.csv", "-o", "out.csv"), "a.csv is named more than once"),
        (("a.csv", "-o", "./a.csv", "--force"), "would be written twice, or over an input"),
        (("k.csv.rejects.jsonl", "-o", "k.csv", "--force"), "would be written twice, or over an input"),
        (("k.csv", "k.csv.rejects.jsonl", "-o", "scored/", "--new-only"), "would be written twice, or over an input"),
        (("a.csv", "-o", "out.json"), "out.json: not one of .parquet, .csv"),
        (("a.csv", "-o", "out.csv.bz2"), "out.csv.bz2: not one of .parquet, .csv"),
        (("a.csv", "-o", "/"), "/ cannot be an output: name a file or folder in it"),
        (("a.csv", "-o", "/", "--metrics-file", "m.prom"), "/ cannot be an output: name a file or folder in it"),
        (("a.csv", "-o", "plain"), "plain: not one of .parquet, .csv"),
        (("a.csv", "-o", ""), "a name is empty"),
        (("",), "a name is empty"),
        ((b"a\xff.csv",), "the name is not UTF-8: rename it"),
    ],
)
def test_names_that_are_refused(score: Command, arguments: tuple[str | bytes, ...], message: str) -> None:
    """Names that would read a row twice, overwrite an input, or mean an unknown format are refused."""
    write_table(score.folder / "a.csv")
    write_table(score.folder / "k.csv.rejects.jsonl")
    write_table(score.folder / "k.csv")
    (score.folder / "hard.csv").hardlink_to(score.folder / "k.csv")
    before = score.contents()
    result = score(*map(os.fsdecode, arguments))
    assert result.code == 2
    assert message in error_line(result)
    assert score.contents() == before


@pytest.mark.parametrize("option", ["--metrics-file", "--openlineage-file"])
@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (("a.csv",), "a.csv"),
        (("a.csv",), "link.csv"),
        (("link.csv",), "a.csv"),
        (("sub/../a.csv",), "sub-link/../a.csv"),
        (("a.csv", "nowhere.csv"), "a.csv"),
        (("nowhere.csv", "[a].csv"), "a.csv"),
        (("sub",), "sub/b.csv"),
        (("a.csv",), "a.scored.csv"),
        (("a.csv", "-o", "k.csv"), "k.csv"),
        (("a.csv", "-o", "k.csv"), "k.csv.receipt.json"),
        (("a.csv", "-o", "k.csv"), "k.csv.incomplete.json"),
        (("a.csv", "-o", "k.csv"), "k.csv.rejects.jsonl"),
        (("a.csv", "-o", "k.csv"), ".k.csv.staging"),
        (("a.csv", "-o", "k.csv"), ".k.csv.staging/journal.jsonl"),
        (("a.csv", "-o", "k.csv"), ".k.csv.removed"),
        (("a.csv", "-o", "k.csv"), ".k.csv.lock"),
        (("nowhere.csv", "-o", "old.csv", "--force"), "old.csv"),
        (("a.csv", "-o", "parts/"), "parts/part-00000.csv"),
        (("sub", "-o", "sub-link/", "--new-only"), "sub/b.csv.receipt.json"),
        (("a.csv", "--new-only"), "a.csv"),
        (("a.csv", "--compare-to", "old.csv.receipt.json"), "old.csv.receipt.json"),
        (("a.csv", "--dry-run"), "a.csv"),
    ],
)
def test_notes_on_a_run_are_not_written_over_what_it_reads_or_writes(
    score: Command, option: str, arguments: tuple[str, ...], note: str
) -> None:
    """Metrics and events spare inputs, outputs and the files beside those, even where the run would have failed."""
    (score.folder / "sub").mkdir()
    (score.folder / "sub-link").symlink_to("sub")
    (score.folder / "link.csv").symlink_to("a.csv")
    for name in ("a.csv", "sub/b.csv"):
        write_table(score.folder / name)
    assert score("a.csv", "-o", "old.csv").code == 0
    before = score.contents()
    result = score(*arguments, option, note)
    assert result.code == 2
    assert score.contents() == before
    if arguments != ("a.csv", "--new-only"):
        assert error_line(result) == f"{note} would be written twice, or over an input: choose another output"


def test_metrics_and_events_in_one_file(score: Command) -> None:
    """Metrics and events cannot share a file; they would destroy each other."""
    write_table(score.folder / "a.csv")
    before = score.contents()
    result = score("a.csv", "--metrics-file", "m", "--openlineage-file", "./m")
    assert (result.code, error_line(result).split(" ")[0]) == (2, "m")
    assert score.contents() == before


def test_notes_beside_outputs(score: Command) -> None:
    """Metrics and events may go to the output folder, and --compare-to may name the receipt of the replaced output."""
    (score.folder / "scored").mkdir()
    write_table(score.folder / "a.csv")
    notes = ("--metrics-file", "scored/m.prom", "--openlineage-file", "scored/events.jsonl")
    each = ("-o", "scored/", "--new-only", "--settle", "0")
    assert [score("a.csv", *each, *notes).code for _ in range(2)] == [0, 0]
    again = ("-o", "scored/a.csv", "--force", "--compare-to", "scored/a.csv.receipt.json")
    assert score("a.csv", *again, *notes).code == 0


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_stdin_to_stdout(score: Command, suffix: str) -> None:
    """`-` reads CSV or JSON Lines and writes the same to stdout, where nothing else goes."""
    result = score("-", stdin=write_table(score.folder / f"reviews.{suffix}").read_bytes())
    assert result.code == 0
    rows = decode(result.stdout.encode("utf-8"), suffix)
    assert [{name: row[name] for name in REVIEWS[0]} for row in rows] == REVIEWS
    assert rows[0]["sentiment"] == "very positive"
    assert "4 rows: 3 scored, 1 without text, 0 rejected" in result.stderr


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b" \r\n\n\t"])
def test_objects_on_stdin(score: Command, before: bytes) -> None:
    """JSON Lines are known by their first character that can be seen."""
    result = score("-", stdin=before + b'{"text": "good"}\n')
    assert result.code == 0, result
    assert json.loads(result.stdout)["sentiment"] == "very positive"


def test_file_uri(score: Command) -> None:
    """A file:// URI is read, and written, as a path is."""
    source = write_table(score.folder / "reviews.csv")
    target = score.folder / "out.csv"
    assert score(source.as_uri(), "-o", target.as_uri()).code == 0
    assert score(source.as_uri()).code == 0
    assert target.read_bytes() == (score.folder / "reviews.scored.csv").read_bytes()


def test_a_name_that_is_not_utf8(score: Command) -> None:
    """A file name that is not UTF-8 is reported before anything is scored."""
    write_table(score.folder / "a.csv")
    (score.folder / os.fsdecode(b"z\xff.csv")).write_bytes(b"text\ngood\n")
    result = score(".", "-o", "out.csv")
    assert result.code == 2
    assert error_line(result).endswith(".csv: the name is not UTF-8: rename it")


def test_bad_data_stops_no_other_file(score: Command) -> None:
    """Bad data in one input does not stop the other outputs, and the error counts those that failed."""
    for name, content in {"a": "good", "b": "bad,more", "c": "bad", "d": "bad,more"}.items():
        (score.folder / f"{name}.csv").write_text(f"text\n{content}\n")
    result = score("a.csv", "b.csv", "c.csv", "d.csv")
    assert result.code == 65
    assert error_line(result).startswith("b.csv: line 2: ")
    assert error_line(result).endswith("; 1 more of 4 outputs failed too")
    assert [row["sentiment"] for row in read_table(score.folder / "c.scored.csv")] == ["very negative"]


def test_bad_data_is_told_beside_another_failure(score: Command) -> None:
    """When a later output fails for another reason, the earlier bad data is still reported."""
    (score.folder / "a.csv").write_text("text\nbad,more\n")
    (score.folder / "b.csv").write_text("text\ngood\nbad,more\n")
    (score.folder / "b.scored.csv.rejects.jsonl").mkdir()
    result = score("a.csv", "b.csv")
    assert result.code == 73
    assert error_line(result).startswith("b.scored.csv: Is a directory; ")
    assert "; before that, a.csv: line 2: " in error_line(result)


def test_another_run_is_at_a_later_file(score: Command) -> None:
    """That an output is being written by another run is found out before the first one is begun, and by --dry-run."""
    for name in ("a", "b"):
        (score.folder / f"{name}.csv").write_text("text\ngood\n")
    with FileLock(score.folder / ".b.scored.csv.lock"):
        for options in ((), ("--dry-run",)):
            result = score("a.csv", "b.csv", *options)
            assert result.code == 75
            assert error_line(result).startswith("b.scored.csv: another run has been writing it")
            assert not (score.folder / "a.scored.csv").exists()
    assert score("a.csv", "b.csv").code == 0


@needs_mounts
def test_no_time_zones(score: Command) -> None:
    """On a machine without a database of time zones, times that would become text end a run, with its work kept."""
    when = pa.array([1774747800], pa.timestamp("s", "Europe/Berlin"))
    pq.write_table(pa.table({"text": ["good"], "when": when}), score.folder / "r.parquet")
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/share/zoneinfo && exec "$@"', "sh")
    result = replace(score, runner=hidden)("r.parquet", "-o", "r.csv")
    assert result.code == 78
    assert error_line(result).startswith("times in Europe/Berlin cannot be written as text")
    assert score("r.parquet", "-o", "r.csv", "--log-format", "json").stderr.count('"resumed"') == 1
