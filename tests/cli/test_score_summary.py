"""What `score` says when it is done."""

import json
from pathlib import Path

from cli.process import Command, error_line
from cli.tables import read_table, write_table

from sentiment_batch.bundle import ModelBundle

SUMMARY_TYPES = {
    "rows_in": int,
    "rows_scored": int,
    "rows_unscorable": int,
    "rows_rejected": int,
    "tokens": int,
    "padding_ratio": float,
    "seconds": float,
    "distribution": dict,
    "rows_per_second": float,
    "peak_rss_bytes": int,
    "model": str,
    "model_sha256": str,
    "engine": str,
    "device": str,
    "provider": str,
    "threads": int,
    "output": str,
}


def test_json_summary(score: Command, model: Path) -> None:
    """--json prints one object with the documented fields on stdout, and the rows add up."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "--json", "--threads", "1", "--device", "cpu")
    summary = json.loads(result.stdout)
    assert {name: type(value) for name, value in summary.items()} == SUMMARY_TYPES
    assert len(result.stdout.splitlines()) == 1
    assert (
        summary
        | {
            "rows_in": 4,
            "rows_scored": 3,
            "rows_unscorable": 1,
            "rows_rejected": 0,
            "model": str(model),
            "model_sha256": ModelBundle.load(model).sha256,
            "device": "cpu",
            "provider": "CPUExecutionProvider",
            "threads": 1,
            "output": "r.scored.csv",
            "tokens": sum(int(row["n_tokens"]) for row in read_table(score.folder / "r.scored.csv")),
        }
        == summary
    )


def test_json_lists_several_outputs(score: Command) -> None:
    """With several outputs, the counts cover all of them, and `output` is a list."""
    for name in ("a.csv", "b.csv"):
        write_table(score.folder / name)
    summary = json.loads(score("a.csv", "b.csv", "--json").stdout)
    assert (summary["rows_in"], summary["output"]) == (8, ["a.scored.csv", "b.scored.csv"])


def test_json_and_rows_do_not_share_stdout(score: Command) -> None:
    """--json is refused where the rows go to stdout."""
    result = score("-", "--json", stdin=b"text\ngood\n")
    assert (result.code, result.stdout) == (2, "")
    assert error_line(result) == "--json and the rows cannot both go to stdout: name a file with -o"


def test_summary_goes_to_stderr(score: Command) -> None:
    """The summary for people goes to stderr; stdout stays empty."""
    write_table(score.folder / "r.csv")
    result = score("r.csv")
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0] == "4 rows: 3 scored, 1 without text, 0 rejected"
    assert lines[-1] == "written to r.scored.csv"


def test_quiet(score: Command) -> None:
    """-q says nothing at all."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "-q")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")
