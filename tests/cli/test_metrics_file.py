"""`score --metrics-file`: what the run did, as Prometheus' own parser reads it."""

import os
import stat
from pathlib import Path

import pytest
from cli.process import Command, error_line
from cli.tables import write_table
from prometheus_client.parser import text_string_to_metric_families

from sentiment_batch.bundle import ModelBundle

LAST_SUCCESS = "sentiment_batch_last_success_timestamp_seconds"


def read(path: Path) -> dict[str, float]:
    """Return the samples by name and label values; check that every family has a help text and is a gauge."""
    samples = {}
    for family in text_string_to_metric_families(path.read_text("utf-8")):
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            samples[" ".join([sample.name, *sample.labels.values()])] = sample.value
    return samples


def test_a_good_run(score: Command, model: Path) -> None:
    """The file holds rows by outcome, times, exit code and model; others can read it, and no temporary file is left."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "--metrics-file", "x.prom", before=lambda: os.umask(0o022)).code == 0
    found = read(score.folder / "x.prom")
    rows = {name.split()[1]: count for name, count in found.items() if name.startswith("sentiment_batch_run_rows ")}
    assert rows == {"scored": 3, "unscorable": 1, "rejected": 0}
    assert found["sentiment_batch_run_exit_code"] == 0
    start, finish = (found[f"sentiment_batch_run_{end}_timestamp_seconds"] for end in ("start", "finish"))
    assert found[LAST_SUCCESS] == finish
    assert finish - start == pytest.approx(found["sentiment_batch_run_duration_seconds"], abs=1)
    info = [name for name in found if name.startswith("sentiment_batch_model_info")]
    assert [name.split()[1] for name in info] == [ModelBundle.load(model).sha256]
    assert stat.S_IMODE((score.folder / "x.prom").stat().st_mode) == 0o644
    assert [path.name for path in score.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("r.csv",), 2),  # its output exists
        (("nowhere.csv",), 66),
        (("broken.csv",), 65),
        (("r.csv", "--force", "--model", "nowhere"), 78),
        (("r.csv", "--force", "--deadline", "00:00:00"), 75),
        (("-", "-o", "-", "--json"), 2),
    ],
)
def test_a_failed_run(score: Command, arguments: tuple[str, ...], code: int) -> None:
    """However a run fails, its exit code is there, and the time of the last success is kept."""
    write_table(score.folder / "r.csv")
    (score.folder / "broken.csv").write_bytes(b"id,text\n1,good\n2,bad,more\n")
    assert score("r.csv", "--metrics-file", "x.prom").code == 0
    before = read(score.folder / "x.prom")
    assert score(*arguments, "--metrics-file", "x.prom").code == code
    after = read(score.folder / "x.prom")
    assert after["sentiment_batch_run_exit_code"] == code
    assert after[LAST_SUCCESS] == before[LAST_SUCCESS]
    assert after["sentiment_batch_run_start_timestamp_seconds"] > before["sentiment_batch_run_finish_timestamp_seconds"]
    if code == 65:
        assert after["sentiment_batch_run_rows rejected"] == 1


def test_no_success_yet(score: Command) -> None:
    """If no run has succeeded, no time is made up; a file that is not a metrics file is replaced."""
    (score.folder / "x.prom").write_bytes(b"\xff\n")
    assert score("nowhere.csv", "--metrics-file", "x.prom").code == 66
    assert LAST_SUCCESS not in read(score.folder / "x.prom")


def test_tolerated_rejects_are_a_success(score: Command) -> None:
    """Exit code 3 counts as a success."""
    (score.folder / "broken.csv").write_bytes(b"id,text\n1,good\n2,bad,more\n")
    assert score("broken.csv", "--max-reject-rate", "1", "--metrics-file", "x.prom").code == 3
    found = read(score.folder / "x.prom")
    assert found["sentiment_batch_run_exit_code"] == 3
    assert LAST_SUCCESS in found


def test_no_folder_for_it(score: Command) -> None:
    """A missing folder for the file is reported before anything is scored."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "--metrics-file", "nowhere/x.prom")
    assert (result.code, error_line(result)) == (73, "nowhere/x.prom: no folder nowhere/: create it first")
    assert list(score.contents()) == ["r.csv"]


@pytest.mark.parametrize("option", ["--metrics-file", "--openlineage-file"])
@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("pipe", 73, "pipe is a device or a pipe, not a file"),
        ("link", 73, "link is a symbolic link: name the file itself"),
        ("/dev/stdout", 73, "/dev/stdout is a symbolic link"),
        ("-", 2, "-: metrics and events go to a file"),
    ],
)
def test_what_is_no_file(score: Command, option: str, name: str, code: int, reason: str) -> None:
    """Devices, pipes and links are neither waited for nor replaced; that is said before anything is scored."""
    write_table(score.folder / "r.csv")
    os.mkfifo(score.folder / "pipe")
    (score.folder / "link").symlink_to("elsewhere")
    result = score("r.csv", option, name)
    assert result.code == code
    assert error_line(result).startswith(reason)
    assert sorted(path.name for path in score.folder.iterdir()) == ["link", "pipe", "r.csv"]
    assert (score.folder / "pipe").is_fifo()


@pytest.mark.parametrize("rows", [b"1,good\n", b"1,good,more\n"])
def test_it_cannot_be_written(score: Command, command: Command, rows: bytes) -> None:
    """A run that succeeded exits with 73 and keeps its output; a run that failed keeps its own exit code."""
    (score.folder / "r.csv").write_bytes(b"id,text\n" + rows)
    (score.folder / ".m.prom.partial").mkdir()
    result = score("r.csv", "-q", "--metrics-file", "m.prom")
    if rows == b"1,good\n":
        assert result.code == 73
        assert error_line(result).endswith(": metrics are not written, but all rows are")
        assert command("verify", "r.scored.csv").code == 0
    else:
        assert result.code == 65
        assert "rejected" in error_line(result)
        assert result.stderr.startswith("Warning: m.prom: ")
        assert "metrics are not written\n" in result.stderr


def test_dry_run(score: Command) -> None:
    """What is only planned is no run, and leaves no notes of one."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", "--dry-run", "--metrics-file", "x.prom", "--openlineage-file", "events.jsonl").code == 0
    assert list(score.contents()) == ["r.csv"]
