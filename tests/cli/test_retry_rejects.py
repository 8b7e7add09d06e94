"""`retry-rejects`: mended records are appended to the output, once; those still broken stay rejected."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, error_line
from cli.tables import read_rejects, read_table, write_table
from support import edit_json

CSV = b'id,text\n0,good\n1,bad,more\n2,bad\n"3,good\n4,good\n5,\xff\n'
CSV_MENDED = ["1,good\n", '"3",good\n', "5,bad\n"]
JSONL = b'{"id": "0", "text": "good"}\n{"id": "1", "text": 7}\n{"id": "2", "text": "bad"}\n{\n'
JSONL_MENDED = ['{"id": "1", "text": "good"}', '{"id": "3", "text": "bad"}']


def parquet(path: Path) -> None:
    """Write two row groups, each with a text that is not UTF-8."""
    texts = pa.array([b"good", b"\xff", b"bad", b"a", b"\xfe", b"good"]).view(pa.string())
    table = pa.table({"id": ["0", "1", "2", "3", "4", "5"], "text": texts})
    pq.write_table(table, path, row_group_size=3)


def mend(output: Path, raws: list[str | None]) -> None:
    """Replace the bytes of each reject, except where None is given."""
    mended = []
    for record, raw in zip(read_rejects(output), raws, strict=True):
        if raw is not None:
            record.pop("raw_base64", None)
            record["raw"] = raw
        mended.append(json.dumps(record) + "\n")
    output.with_name(output.name + ".rejects.jsonl").write_text("".join(mended), "utf-8")


def change_rejects(**changes: Any) -> Callable[[Path], Any]:
    """Return a function that changes the given entries in every reject of out.csv."""

    def change(folder: Path) -> None:
        records = [record | changes for record in read_rejects(folder / "out.csv")]
        (folder / "out.csv.rejects.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    return change


def change_rejects_to(changed: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], Any]:
    """Make other lines of the rejects of out.csv."""

    def change(folder: Path) -> None:
        path = folder / "out.csv.rejects.jsonl"
        path.write_bytes(b"".join(changed(path.read_bytes().splitlines(keepends=True))))

    return change


def table(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, or of all parts of a folder."""
    files = sorted(path.glob("part-*")) if path.is_dir() else [path]
    return [row for file in files for row in read_table(file)]


def rows(path: Path) -> list[tuple[str, str]]:
    """Return the ids and sentiments of its rows."""
    return [(str(row["id"]), str(row["sentiment"])) for row in table(path)]


def distribution(path: Path) -> dict[str, Any]:
    """What the receipt says of the predictions as a whole."""
    receipt: dict[str, Any] = json.loads(path.with_name(path.name + ".receipt.json").read_bytes())
    return dict(receipt["distribution"])


@pytest.fixture
def failed(score: Command) -> Callable[..., Path]:
    """Score an input with broken records into the named output."""

    def run(name: str, output: str, content: bytes | None, *options: str) -> Path:
        if content is None:
            parquet(score.folder / name)
        else:
            (score.folder / name).write_bytes(content)
        assert score(name, "-o", output, *options).code == (3 if options else 65)
        return score.folder / output.rstrip("/")

    return run


@pytest.mark.parametrize(
    "output", ["out.csv", "out.csv.gz", "out.tsv.zst", "out.jsonl", "out.parquet", "out.parquet.zst", "out/"]
)
@pytest.mark.parametrize(
    ("name", "content", "mended", "expected"),
    [
        ("r.csv", CSV, CSV_MENDED, ["0+", "2-", "4+", "1+", "3+", "5-"]),
        ("r.jsonl", JSONL, JSONL_MENDED, ["0+", "2-", "1+", "3-"]),
        ("r.parquet", None, ["good", "bad"], ["0+", "2-", "3-", "5+", "1+", "4-"]),
    ],
)
def test_mended_records(
    command: Command,
    failed: Callable[..., Path],
    output: str,
    name: str,
    content: bytes | None,
    mended: list[str],
    expected: list[str],
) -> None:
    """All mended records follow the earlier rows in the output; the receipt is there and can be verified."""
    path = failed(name, output, content)
    assert command("verify", output).code == 65
    mend(path, list(mended))
    result = command("retry-rejects", output)
    assert (result.code, result.stdout) == (0, ""), result.stderr
    assert f"{len(mended)} records: {len(mended)} scored, 0 without text, 0 rejected again" in result.stderr
    signs = {"very positive": "+", "very negative": "-"}
    assert [f"{row}{signs[sentiment]}" for row, sentiment in rows(path)] == expected
    verified = command("verify", output, "--rescore", "99", "--json")
    assert verified.code == 0, error_line(verified)
    counts = json.loads(verified.stdout)
    assert (counts["rows_in"], counts["rows_rejected"]) == (len(expected), 0)
    assert counts["rows_rescored"] == len(expected) - len(mended)
    assert sorted(found.name for found in command.folder.iterdir()) == sorted(
        [name, path.name, path.name + ".receipt.json"]
    )


def test_the_distribution_is_of_all_rows(command: Command, score: Command, failed: Callable[..., Path]) -> None:
    """After mending, the receipt has the same distribution as that of a run that had all rows from the start."""
    path = failed("r.csv", "out.csv", CSV)
    mend(path, [*CSV_MENDED[:2], "5,ugly\n"])
    assert command("retry-rejects", "out.csv").code == 0
    whole = [{"id": row["id"], "text": row["text"]} for row in table(path)]
    write_table(score.folder / "whole.jsonl", whole)
    assert score("whole.jsonl", "-o", "whole.csv").code == 0
    assert distribution(path) == distribution(path.with_name("whole.csv"))
    assert distribution(path)["unknown_token_share"] == 1 / 18


def test_some_stay_broken(command: Command, failed: Callable[..., Path]) -> None:
    """Records not mended, or mended badly, stay rejected with their place and new reason until they are mended."""
    path = failed("r.csv", "out.csv", CSV)
    before = read_rejects(path)
    mend(path, ["1,good\n", None, "5,bad\n6,good\n"])
    result = command("retry-rejects", "out.csv")
    assert result.code == 65
    assert error_line(result) == (
        "r.csv: line 5: unexpected end of data: 2 of 3 still rejected: see out.csv.rejects.jsonl"
    )
    after = read_rejects(path)
    places = [(reject["line"], reject["offset"]) for reject in before]
    assert [(reject["line"], reject["offset"]) for reject in after] == places[1:]
    assert after[0]["reason"] == "unexpected end of data"
    assert after[1]["reason"] == "2 records instead of one"
    assert command("verify", "out.csv").code == 65
    mend(path, [None, "5,bad"])
    assert command("retry-rejects", "out.csv", "--max-reject-rate", "0.5", "--json").code == 3
    assert command("verify", "out.csv", "--rescore", "9").code == 0
    mend(path, ["3,good"])
    assert command("retry-rejects", "out.csv").code == 0
    assert command("verify", "out.csv").code == 0
    assert sorted(row for row, _ in rows(path)) == ["0", "1", "2", "3", "4", "5"]
    assert command("retry-rejects", "out.csv").code == 66


def test_mended_to_nothing(command: Command, failed: Callable[..., Path]) -> None:
    """A record whose text is empty by now has a row without a prediction, and the proof knows whence it came."""
    path = failed("r.csv", "out.csv", CSV)
    mend(path, ["1,\n", *CSV_MENDED[1:]])
    assert command("retry-rejects", "out.csv").code == 0
    assert [row["sentiment_error"] for row in table(path)] == ["", "", "", "empty_text", "", ""]
    verified = command("verify", "out.csv", "--rescore", "99", "--json")
    assert verified.code == 0, error_line(verified)
    assert json.loads(verified.stdout)["rows_rescored"] == 3


def test_mended_records_are_guarded(command: Command, failed: Callable[..., Path]) -> None:
    """With --guard-formulas no mended field is to be taken for a formula either."""
    path = failed("r.csv", "out.csv", CSV, "--guard-formulas", "--max-reject-rate", "0.9")
    mend(path, ["=1,=good\n", *CSV_MENDED[1:]])
    assert command("retry-rejects", "out.csv").code == 0
    assert [(row["id"], row["text"]) for row in table(path)][3] == ("'=1", "'=good")
    assert command("verify", "out.csv", "--rescore", "9").code == 0


def test_an_input_that_is_a_link(command: Command, score: Command) -> None:
    """It is read by its own name, as it was when it was scored, though the file behind it has no suffix."""
    (score.folder / "blob").write_bytes(b"id,text\n0,good\n1,bad,more\n")
    (score.folder / "a.csv").symlink_to("blob")
    assert score("a.csv", "-o", "out.csv").code == 65
    mend(score.folder / "out.csv", ["1,bad\n"])
    assert command("retry-rejects", "out.csv").code == 0
    assert command("verify", "out.csv", "--rescore", "9").code == 0


def test_an_unfinished_retry_is_left_alone(command: Command, score: Command, failed: Callable[..., Path]) -> None:
    """What `retry-rejects` has put in place, but not finished, is neither replaced by `score` nor taken for its own."""
    path = failed("r.csv", "out.csv", CSV)
    mend(path, list(CSV_MENDED))
    in_the_way = path.with_name("out.csv.receipt.json")
    in_the_way.mkdir()
    assert command("retry-rejects", "out.csv").code == 73
    mended = rows(path)
    assert len(mended) == 6
    in_the_way.rmdir()
    for option, code, message in (
        ("--restart", 2, "out.csv exists"),
        ("--force", 78, "out.csv: a run of `retry-rejects` into it is unfinished: run that command again first"),
    ):
        result = score("r.csv", "-o", "out.csv", option)
        assert (result.code, error_line(result)[: len(message)]) == (code, message)
    assert command("retry-rejects", "out.csv").code == 0
    assert rows(path) == mended


def test_tolerated_rejects(command: Command, failed: Callable[..., Path]) -> None:
    """An output with tolerated rejects keeps its receipt, whatever becomes of them; empty lines are none."""
    path = failed("r.csv", "out.csv", CSV, "--max-reject-rate", "0.9")
    mend(path, ["1,good\n", None, None])
    with path.with_name("out.csv.rejects.jsonl").open("ab") as rejects:
        rejects.write(b"\n \r\n")
    assert command("retry-rejects", "out.csv").code == 3
    assert command("verify", "out.csv").code == 0
    assert len(read_rejects(path)) == 2


@pytest.mark.parametrize(("name", "raw"), [("r.csv", "9,good\n"), ("r.parquet", "good")])
def test_a_shortened_record(command: Command, score: Command, name: str, raw: str) -> None:
    """The beginning of a record that was too long to be held is not taken for a record."""
    write_table(score.folder / name, [{"id": "9", "text": "good " * 60_000}])
    assert score(name, "-o", "out.csv", "--max-field-bytes", "70000").code == 65
    [reject] = read_rejects(score.folder / "out.csv")
    assert reject["shortened"] is True
    result = command("retry-rejects", "out.csv")
    assert result.code == 65
    assert "(--max-field-bytes)" in error_line(result)
    assert error_line(result).endswith(": 1 of 1 still rejected: see out.csv.rejects.jsonl")
    (score.folder / "out.csv.rejects.jsonl").write_text(
        json.dumps({key: value for key, value in reject.items() if key != "shortened"} | {"raw": raw})
    )
    assert command("retry-rejects", "out.csv").code == 0
    assert rows(score.folder / "out.csv") == [("9", "very positive")]


def test_an_object_over_several_lines(command: Command, failed: Callable[..., Path]) -> None:
    """A mended object stands on one line, as JSON Lines are, or it is rejected again."""
    path = failed("r.jsonl", "out.jsonl", JSONL)
    mend(path, ['{"id": "1",\n "text": "good"}', JSONL_MENDED[1]])
    assert command("retry-rejects", "out.jsonl").code == 65
    assert [reject["reason"] for reject in read_rejects(path)] == ["several lines instead of one"]
    assert [row for row, _ in rows(path)] == ["0", "2", "3"]


@pytest.mark.parametrize("place", [{"row": 99}, {"row": -1}, {"row_group": 9}, {"row_group": -1}])
def test_a_row_that_is_not_there(command: Command, failed: Callable[..., Path], place: dict[str, int]) -> None:
    """Where a reject says that it is of a row which the file has not, that is said."""
    path = failed("r.parquet", "out.parquet", None)
    mend(path, ["good", "bad"])
    first, second = read_rejects(path)
    path.with_name("out.parquet.rejects.jsonl").write_text(f"{json.dumps(first)}\n{json.dumps(second | place)}\n")
    result = command("retry-rejects", "out.parquet")
    assert result.code == 65
    assert error_line(result).endswith(": there is no such row")


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda folder: (folder / "out.csv").write_bytes(b"x"), 65, "out.csv: it does not match its receipt"),
        (lambda folder: (folder / "out.csv").unlink(), 66, "out.csv: no such file: put it back beside its receipt"),
        (lambda folder: (folder / "r.csv").unlink(), 66, "no such file"),
        (lambda folder: (folder / "out.csv.rejects.jsonl").unlink(), 66, "out.csv.rejects.jsonl: no such file"),
        (lambda folder: (folder / "out.csv.rejects.jsonl").write_text("{}\n"), 65, "line 1: not a reject"),
        (change_rejects(source=7), 65, "line 1: not a reject"),
        (change_rejects(line="3"), 65, "line 1: not a reject"),
        (change_rejects(raw=7), 65, "line 1: not a reject"),
        (change_rejects(input=None), 65, "line 1: not a reject"),
        (change_rejects(input=1), 65, "line 1: not a reject"),
        (
            lambda folder: (folder / "out.csv.rejects.jsonl").write_bytes(b'{"raw": "\xe4"}\n'),
            65,
            "line 1: not a reject",
        ),
        (lambda folder: (folder / "out.csv.rejects.jsonl").write_text(""), 65, "0 records, where the receipt says 3"),
        (change_rejects_to(lambda lines: lines * 2), 65, "line 4: the record of an earlier line again"),
        (change_rejects_to(lambda lines: [*lines[1:], lines[1]]), 65, "line 3: the record of an earlier line again"),
        (change_rejects_to(lambda lines: lines[1:]), 65, "2 records, where the receipt says 3"),
        (lambda folder: (folder / "out.csv.incomplete.json").unlink(), 66, "only a finished run leaves a receipt"),
    ],
)
def test_what_is_refused(
    command: Command, failed: Callable[..., Path], change: Callable[[Path], Any], code: int, message: str
) -> None:
    """If the input, the output or the rejects are not as they should be, nothing is changed."""
    failed("r.csv", "out.csv", CSV)
    change(command.folder)
    before = command.contents()
    result = command("retry-rejects", "out.csv")
    assert result.code == code
    assert message in error_line(result)
    assert command.contents() == before


def test_an_input_that_was_replaced(command: Command, score: Command) -> None:
    """A reject is of the file that was scored: nothing is taken from another one that bears its name by now."""
    texts = pa.array([b"good", b"b\xffad"]).view(pa.string())
    pq.write_table(pa.table({"id": [1, 2], "text": texts}), score.folder / "p.parquet")
    assert score("p.parquet").code == 65
    pq.write_table(pa.table({"id": [101, 102], "text": texts}), score.folder / "p.parquet")
    mend(score.folder / "p.scored.parquet", ["bad"])
    before = command.contents()
    result = command("retry-rejects", "p.scored.parquet")
    assert result.code == 65
    assert "p.parquet has changed since it was scored" in error_line(result)
    assert command.contents() == before


def test_a_key_that_is_added(command: Command, failed: Callable[..., Path]) -> None:
    """A mended record with a key that its predictions would repeat is rejected again."""
    path = failed("r.jsonl", "out.jsonl", JSONL)
    mend(path, ['{"id": "1", "text": "good", "sentiment": "mine"}', JSONL_MENDED[1]])
    assert command("retry-rejects", "out.jsonl").code == 65
    [reject] = read_rejects(path)
    assert reject["reason"].startswith("it already has a key 'sentiment': rename it")


def test_columns_of_another_output(command: Command, failed: Callable[..., Path]) -> None:
    """Rows are only appended to an output of the same columns."""
    path = failed("r.csv", "out.csv", CSV)
    mend(path, list(CSV_MENDED))
    edit_json(path.with_name("out.csv.incomplete.json"), lambda receipt: receipt["output"]["columns"].reverse())
    result = command("retry-rejects", "out.csv")
    assert (result.code, "score them anew" in error_line(result)) == (65, True)


@pytest.mark.parametrize("there", [".", "b"])
def test_inputs_of_like_names(command: Command, score: Command, there: str) -> None:
    """A mended record is read with the columns of its own input, from any working directory and through a link too."""
    for name, content in {
        "x/b/a.csv": "id,text\nX1,good\nX2,bad,more\n",
        "b/a.csv": "text,id\ngood,B1\nbad,B2,more\n",
        "elsewhere.csv": "id,text\nL1,good\nL2,bad,more\n",
    }.items():
        path = score.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (score.folder / "link.csv").symlink_to("elsewhere.csv")
    assert score("x/b/a.csv", "b/a.csv", "link.csv", "-o", "out.csv", "--max-reject-rate", "0.5").code == 3
    output = score.folder / "out.csv"
    assert [(reject["input"], reject["source"]) for reject in read_rejects(output)] == [
        (0, "x/b/a.csv"),
        (1, "b/a.csv"),
        (2, "link.csv"),
    ]
    mend(output, ["X2,bad", "bad,B2,more", "L2,bad"])
    retry = Command(score.folder / there)
    name = os.path.relpath(output, retry.folder)
    assert retry("retry-rejects", name).code == 3
    assert [row for row, _ in rows(output)] == ["X1", "B1", "L1", "X2", "L2"]
    assert [(reject["input"], reject["line"]) for reject in read_rejects(output)] == [(1, 3)]
    mend(output, ["bad,B2"])
    assert retry("retry-rejects", name).code == 0
    assert [row for row, _ in rows(output)][-1] == "B2"
    assert command("verify", "out.csv", "--rescore", "9").code == 0


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8-sig"])
def test_text_of_another_encoding(command: Command, score: Command, encoding: str) -> None:
    """What is put into `raw` is text; whoever mends it need not know the encoding of the input."""
    content = "id,text\n1,caf\xe9 good\n2,\xe9\xc3\xa9,x\n3,\xe9,x\n"
    (score.folder / "r.csv").write_bytes(content.encode(encoding))
    assert score("r.csv", "--encoding", encoding, "-o", "out.csv").code == 65
    output = score.folder / "out.csv"
    assert [reject["raw"] for reject in read_rejects(output)] == ["2,\xe9\xc3\xa9,x\n", "3,\xe9,x\n"]
    mend(output, [None, "3,sch\xf6n bad"])
    assert command("retry-rejects", "out.csv").code == 65
    assert [row["text"] for row in table(output)] == ["caf\xe9 good", "sch\xf6n bad"]
    assert [reject["raw"] for reject in read_rejects(output)] == ["2,\xe9\xc3\xa9,x\n"]
    mend(output, ["2,\u2603"])
    result = command("retry-rejects", "out.csv")
    assert result.code == (0 if encoding == "utf-8-sig" else 65)


def test_rows_of_a_pipe(command: Command, score: Command) -> None:
    """Rejects of standard input cannot be retried: the input is gone."""
    assert score("-", "-o", "out.csv", "--max-reject-rate", "0.5", stdin=b"id,text\n1,good\n2\n").code == 3
    result = command("retry-rejects", "out.csv", stdin=b"id,text\n2,bad\n")
    assert (result.code, rows(score.folder / "out.csv")) == (2, [("1", "very positive")]), result
    assert error_line(result).startswith("out.csv was scored from standard input")


def test_another_model(command: Command, failed: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rows of two models are not mixed, of whatever limits these are."""
    path = failed("r.csv", "out.csv", CSV)
    other = tmp_path_factory.mktemp("other")
    save_bag_of_words(other, deadly="crash")
    receipt = path.with_name("out.csv.incomplete.json")
    edit_json(receipt, lambda facts: facts["options"].update(max_tokens=10**6), model=str(other))
    result = command("retry-rejects", "out.csv")
    assert result.code == 78
    assert "not the model that this output was scored with" in error_line(result)
