"""Scoring on a cluster gives the same output as scoring here, whatever dies on the way."""

import json
import signal
from pathlib import Path

import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command, error_line
from cluster.conftest import Nodes, scoring
from faults.waiting import wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OUTPUT, REJECTS, RECEIPT = "out.csv", "out.csv.rejects.jsonl", "out.csv.receipt.json"
JOURNAL = ".out.csv.staging/journal.jsonl"


def require_same(score: Command, undisturbed: dict[str, bytes]) -> None:
    """Check that only the undisturbed output and rejects are there, to the byte, and that the receipt verifies."""
    contents = score.contents()
    assert contents.keys() == {OUTPUT, REJECTS, RECEIPT}
    assert contents[OUTPUT] == undisturbed[OUTPUT]
    assert contents[REJECTS] == undisturbed[REJECTS]
    verified = Command(score.folder)("verify", OUTPUT, "--rescore", "500")
    assert verified.code == 0, error_line(verified)


def commits(score: Command) -> int:
    journal = score.folder / JOURNAL
    return journal.read_bytes().count(b'"chunk"') if journal.exists() else 0


@pytest.mark.parametrize("output", ["out.csv", "out.parquet/"])
def test_same_bits(tmp_path: Path, output: str) -> None:
    """The built-in model gives the same file here and on a cluster started for the run, with a receipt."""
    score = Command(tmp_path, ("score", EXAMPLES / "reviews.csv", "--probabilities", "--json"))
    here = json.loads(score("-o", f"here-{output}").stdout)
    there = score("-o", output, "--engine", "ray")
    assert there.code == 0
    facts = json.loads(there.stdout)
    assert (facts["engine"], facts["rows_in"], facts["tokens"]) == ("ray", 200, here["tokens"])
    contents = score.contents()
    files = [name for name in contents if name.startswith(output)]
    assert len(files) > 1
    assert all(contents[name] == contents[f"here-{name}"] for name in files if "receipt" not in name)
    assert Command(tmp_path)("verify", output, "--rescore", "100").code == 0


def test_a_killed_process(score: Command, address: str, rows: Path, undisturbed: dict[str, bytes]) -> None:
    """Two nodes share the rows; killing one of their processes costs nothing but time."""
    run = score.start(rows, "-o", OUTPUT, "--ray-address", address)
    wait_until(lambda: commits(score) and scoring(), run)
    scoring()[0].kill()
    assert run.wait() == 3
    require_same(score, undisturbed)


def test_rows_to_stdout(tmp_path: Path, slow_model: Path, address: str, rows: Path) -> None:
    """Only rows go to stdout, even if a process dies."""
    good = tmp_path / "good.csv"
    good.write_bytes(b"".join(rows.read_bytes().splitlines(keepends=True)[:17_000]))
    score = Command(tmp_path, ("score", good, "--model", slow_model, "-o", "-"))
    here = score()
    run = score.start("--engine", "ray", "--ray-address", address)
    wait_until(scoring, run)
    scoring()[0].kill()
    stdout, stderr = run.communicate()
    assert (run.returncode, stdout.decode()) == (0, here.stdout)
    summaries = [text.splitlines() for text in (stderr.decode(), here.stderr)]
    assert [len(lines) for lines in summaries] == [3, 3]
    assert summaries[0][0] == summaries[1][0]


def test_a_lost_node(score: Command, nodes: Nodes, rows: Path, undisturbed: dict[str, bytes]) -> None:
    """The work of a lost node is scored on the other one."""
    run = score.start(rows, "-o", OUTPUT, environment={"RAY_ADDRESS": nodes.address})
    wait_until(lambda: len(scoring()) == 2, run)
    nodes.remove_other()
    assert run.wait() == 3
    require_same(score, undisturbed)


def test_a_lost_head(score: Command, nodes: Nodes, rows: Path, undisturbed: dict[str, bytes]) -> None:
    """Without its head there is no cluster: the run ends and says so, and the same command works on another one."""
    address = nodes.address
    run = score.start(rows, "-o", OUTPUT, environment={"RAY_ADDRESS": address})
    wait_until(lambda: len(scoring()) == 2, run)  # the run waits for them
    nodes.remove_head()
    _, stderr = run.communicate()
    assert run.returncode == 74
    [line] = stderr.decode().splitlines()
    assert line.startswith(f"Error: no Ray cluster answers at {address}: ")
    assert score(rows, "-o", OUTPUT).code == 3
    require_same(score, undisturbed)


@pytest.mark.parametrize("engine", ["ray", "local"])
def test_killed_and_continued(
    score: Command, address: str, rows: Path, undisturbed: dict[str, bytes], engine: str
) -> None:
    """Chunks committed before the run was killed are not scored again; either engine continues the other's work."""
    run = score.start(rows, "-o", OUTPUT, "--ray-address", address)
    wait_until(lambda: commits(score) >= 2, run)
    run.kill()
    run.wait()
    first = json.loads((score.folder / JOURNAL).read_bytes().splitlines()[0])
    where = ("--ray-address", address) if engine == "ray" else ("--engine", "local")
    assert score(rows, "-o", OUTPUT, *where).code == 3
    assert json.loads((score.folder / RECEIPT).read_bytes())["run"] == first["run"]
    require_same(score, undisturbed)


def test_stopped(score: Command, address: str, rows: Path, undisturbed: dict[str, bytes]) -> None:
    """SIGTERM ends the run with its own exit code and says what is kept."""
    run = score.start(rows, "-o", OUTPUT, "--ray-address", address)
    wait_until(lambda: commits(score) >= 2, run)  # the last may not be counted as kept yet
    run.terminate()
    _, stderr = run.communicate()
    assert run.returncode == 128 + signal.SIGTERM
    [line] = stderr.decode().splitlines()
    assert line.startswith("Error: stopped by SIGTERM before the end; ")
    assert line.endswith(" rows are kept: run the same command again to continue")
    assert score(rows, "-o", OUTPUT, "--ray-address", address).code == 3
    require_same(score, undisturbed)


def test_a_deadly_row(tmp_path: Path, address: str) -> None:
    """A row that kills every process scoring it ends the run; the next run finds and rejects it."""
    (tmp_path / "deadly").mkdir()
    save_bag_of_words(tmp_path / "deadly", deadly="crash")
    words = ["good"] * 5 + ["crash"] + ["bad"] * 5
    (tmp_path / "r.csv").write_text("text\n" + "".join(f"{word}\n" for word in words), "utf-8")
    command = ("score", "r.csv", "--model", "deadly", "-o", OUTPUT, "-q", "--max-reject-rate", "0.1")
    score = Command(tmp_path, (*command, "--engine", "ray", "--ray-address", address))
    died = score()
    assert died.code == 1
    assert error_line(died) == (
        "scoring the next rows has ended 4 processes of the cluster: the same command again looks for the row that "
        "does, and rejects it"
    )
    assert score().code == 3
    [reject] = map(json.loads, (tmp_path / REJECTS).read_text("utf-8").splitlines())
    assert (reject["line"], reject["raw"]) == (7, "crash\n")
    verified = Command(tmp_path)("verify", OUTPUT, "--rescore", "1000")
    assert verified.code == 0, error_line(verified)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--ray-address", "127.0.0.1:9"), 74, "no Ray cluster answers at 127.0.0.1:9: Connection refused"),
        (("--ray-address", "no.such.host.invalid:1"), 74, "no Ray cluster answers at no.such.host.invalid:1: "),
        (("--ray-address", "elsewhere"), 2, "'elsewhere' is not the address of a Ray cluster: give HOST:PORT, or auto"),
        (("--ray-address", "here:port"), 2, "'here:port' is not the address of a Ray cluster: give HOST:PORT"),
        (("--ray-address", "here:65536"), 2, "'here:65536' is not the address of a Ray cluster: give HOST:PORT"),
        (("--ray-address", "ray://here:10001"), 2, "'ray://here:10001' is not the address of a Ray cluster"),
        (("--ray-address", "auto", "--threads", "2"), 2, "a cluster has threads of its own: leave out --threads"),
        (("--device", "cuda"), 2, "--engine ray scores on CPUs: leave out --device cuda"),
    ],
)
def test_what_cannot_be(score: Command, rows: Path, options: tuple[str, ...], code: int, message: str) -> None:
    """Options that cannot work give one line that says what is wrong, and no output."""
    result = score(rows, "-o", OUTPUT, *options)
    assert result.code == code
    assert error_line(result).startswith(message)
    assert score.contents() == {}
