"""The whole run, on a stand-in model."""

import gc
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.tables import ADDED, read_rejects
from far_store import far
from support import read_rows, read_texts, write_records

from sentiment_batch.errors import BadDataError, CannotWriteError, ConfigurationError, UsageError
from sentiment_batch.inputs import expand_inputs
from sentiment_batch.jobs import Job, plan_jobs
from sentiment_batch.journal import Tally
from sentiment_batch.locations import Location
from sentiment_batch.mended_rejects import retry_rejects
from sentiment_batch.output import Output
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.runs import Arriving
from sentiment_batch.scoring import Scorer
from sentiment_batch.sources import SourceOptions
from sentiment_batch.sources.chunk import CHUNK_ROWS
from sentiment_batch.summary import Progress
from sentiment_batch.verify import verify
from sentiment_batch.worker import Worker

TEXTS = ["good film", "", "not\nbad", 'was "really" good, seen', "worse", " ", "the film " * 30, "good film"]
FLOATS = {"confidence", "polarity"}


class Runs:
    """Runs jobs on the stand-in model, keeps count and remembers what it was shown."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.columns = PredictionColumns.of(scorer.bundle, prefix="", probabilities=False)
        self.shown: list[tuple[int, int | None]] = []
        self.progress = Progress(lambda records, total: self.shown.append((records, total)))

    def __call__(self, *paths: Path, options: SourceOptions | None = None) -> Path:
        """Score all paths but the last into the last."""
        *inputs, output = (Location.parse(str(path)) for path in paths)
        self.run(Job(tuple(inputs), Output.at(output)), options)
        return paths[-1]

    def run(self, job: Job, options: SourceOptions | None = None) -> None:
        self.worker(options).run(job, self.progress)

    def worker(self, options: SourceOptions | None = None) -> Worker:
        return Worker(self.scorer, options or SourceOptions(), self.columns)


@pytest.fixture
def score(tiny_scorer: Scorer) -> Runs:
    return Runs(tiny_scorer)


def write_texts(path: Path, texts: list[str]) -> Path:
    return write_records(path, pa.RecordBatch.from_pydict({"id": [f"0{i}" for i in range(len(texts))], "text": texts}))


def predictions(path: Path) -> list[dict[str, str]]:
    """Return the added columns, spelled alike whatever the file's format, with floats as their bits."""
    return [{name: spelled(row[name], name in FLOATS) for name in ADDED} for row in read_rows(path)]


def spelled(value: Any, is_float: bool) -> str:
    if value is None or value == "":
        return ""
    return np.float32(value).tobytes().hex() if is_float else str(value).lower()


@pytest.mark.parametrize("output", ["out.parquet", "out.csv", "out.tsv.gz", "out.jsonl", "out.jsonl.zst"])
@pytest.mark.parametrize("source", ["in.parquet", "in.csv", "in.tsv.zst", "in.jsonl.gz"])
def test_same_predictions_from_and_to_any_format(tmp_path: Path, score: Runs, source: str, output: str) -> None:
    """Predictions are the same, to the bit, whatever the formats of input and output."""
    expected = predictions(score(write_texts(tmp_path / "base.parquet", TEXTS), tmp_path / "base.out.parquet"))
    path = score(write_texts(tmp_path / source, TEXTS), tmp_path / output)
    assert predictions(path) == expected


def test_chunks_do_not_matter(tmp_path: Path, score: Runs) -> None:
    """Predictions do not depend on where a long file is cut into chunks."""
    choice = random.Random(0)
    texts = [" ".join(choice.choices(["good", "bad", "film", "was"], k=5)) for _ in range(CHUNK_ROWS + 100)]
    whole = predictions(score(write_texts(tmp_path / "a.csv", texts), tmp_path / "a.out.csv"))
    tail = predictions(score(write_texts(tmp_path / "b.csv", texts[-200:]), tmp_path / "b.out.csv"))
    assert len(whole) == len(texts)
    assert whole[-200:] == tail


def test_several_verbatim_inputs(tmp_path: Path, score: Runs) -> None:
    """JSON objects of different keys go into one JSON Lines output, each as it was."""
    lines = ['{"text": "good", "n": 1.50}', '{"stars":"5" ,"text":"bad"}']
    for number, line in enumerate(lines):
        (tmp_path / f"{number}.jsonl").write_text(line, "utf-8")
    path = score(tmp_path / "0.jsonl", tmp_path / "1.jsonl", tmp_path / "all.jsonl")
    written = path.read_text("utf-8").splitlines()
    assert [row.startswith(line[:-1]) for row, line in zip(written, lines, strict=True)] == [True, True]
    assert [list(json.loads(row))[2:] for row in written] == [ADDED, ADDED]


def test_columns_of_objects(tmp_path: Path, score: Runs) -> None:
    """Even from JSON Lines to JSON Lines, only the columns asked for are kept."""
    (tmp_path / "in.jsonl").write_text('{"n": 1, "text": "good", "m": 2}', "utf-8")
    path = score(tmp_path / "in.jsonl", tmp_path / "out.jsonl", options=SourceOptions(columns=("m",)))
    assert list(json.loads(path.read_text("utf-8"))) == ["m", *ADDED]


@pytest.mark.parametrize("second", ["b.parquet", "b.csv"])
def test_inputs_that_do_not_fit_together(tmp_path: Path, score: Runs, second: str) -> None:
    """An input whose columns differ from the first one's is named, and no output appears."""
    write_records(tmp_path / "a.parquet", pa.RecordBatch.from_pydict({"text": ["good"], "n": [1]}))
    write_records(tmp_path / second, pa.RecordBatch.from_pydict({"text": ["bad"], "m": ["1"]}))
    inputs = tuple(Location.parse(str(tmp_path / name)) for name in ("a.parquet", second))
    expected = rf"{second}: column 'm' is string, in .*a\.parquet it is missing: keep those that are alike"
    for start in (score.worker().check, score.run):
        with pytest.raises(UsageError, match=expected):
            start(Job(inputs, Output(Location.parse(str(tmp_path / "all.parquet")))))
    assert {path.name for path in tmp_path.iterdir()} == {"a.parquet", second}


@pytest.mark.parametrize(
    ("name", "broken"),
    [("in.csv", "1,2,3\n"), ("in.csv", '"open\n'), ("in.jsonl", '{"text": 7}\n'), ("in.jsonl", "{\n")],
)
def test_broken_record_in_the_middle(tmp_path: Path, score: Runs, name: str, broken: str) -> None:
    """A broken record at row 9,000 goes to the rejects file and fails the run after all others are written."""
    rows = ["id,text\n"] + ["1,good\n"] * 10_000 if name == "in.csv" else ['{"text": "good"}\n'] * 10_000
    rows.insert(9000, broken)
    (tmp_path / name).write_text("".join(rows), "utf-8")
    output = tmp_path / f"out.{name}"
    with pytest.raises(BadDataError, match=rf"{name}: line 9001: .*: 1 of 10,001 records are rejected: see .*out"):
        score(tmp_path / name, output)
    assert {path.name for path in tmp_path.iterdir()} == {
        name,
        output.name,
        f"{output.name}.rejects.jsonl",
        f"{output.name}.incomplete.json",
    }
    assert len(read_rows(output)) == 10_000
    assert sum(records for records, _ in score.shown) == score.shown[-1][1] == 10_001
    [reject] = read_rejects(output)
    assert (reject["line"], reject["raw"]) == (9001, broken)


def test_truncated_input(tmp_path: Path, score: Runs) -> None:
    """A compressed input that ends early stops the job and leaves no output."""
    path = write_texts(tmp_path / "in.csv.gz", [f"good film {row}" for row in range(10_000)])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadDataError, match=r"in\.csv\.gz: cut short"):
        score(path, tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == [tmp_path / "in.csv.gz"]


def test_counts(tmp_path: Path, score: Runs) -> None:
    """Over several jobs every row is counted once, as scored or as unscorable; progress is told the same number."""
    score(write_texts(tmp_path / "a.csv", TEXTS), tmp_path / "a.out.csv")
    score(write_texts(tmp_path / "b.parquet", ["good"] * (CHUNK_ROWS + 1)), tmp_path / "b.out.csv")
    tally = score.progress.tally
    assert tally.rows_in == len(TEXTS) + CHUNK_ROWS + 1
    assert (tally.rows_scored, tally.rows_unscorable) == (tally.rows_in - 2, 2)
    assert tally.tokens == sum(
        int(row["n_tokens"]) for path in ("a", "b") for row in read_rows(tmp_path / f"{path}.out.csv")
    )
    assert sum(rows for rows, _ in score.shown) == tally.rows_in
    assert score.shown[-1][1] == tally.rows_in
    assert score.progress.padding_ratio == 0


def test_no_rows(tmp_path: Path, score: Runs) -> None:
    """An input with only a header gives an output with only a header."""
    (tmp_path / "in.csv").write_text("id,text\n", "utf-8")
    path = score(tmp_path / "in.csv", tmp_path / "out.csv")
    assert path.read_text("utf-8") == ",".join(["id", "text", *ADDED]) + "\n"
    assert (score.progress.tally.rows_in, score.progress.padding_ratio) == (0, 0)


@pytest.mark.parametrize("rows", [0, 3])
def test_check(tmp_path: Path, score: Runs, rows: int) -> None:
    """A check says what would be done, without doing it."""
    schema = pa.schema({"review": pa.string(), "n": pa.int32()})
    write_records(tmp_path / "in.parquet", pa.RecordBatch.from_pylist([{"review": "good", "n": 1}] * rows, schema))
    job = Job((Location.parse(str(tmp_path / "in.parquet")),), Output(Location.parse(str(tmp_path / "out.csv"))))
    plan = score.worker().check(job)
    assert (plan.format, plan.text_column, plan.rows, plan.columns) == ("csv", "review", rows, ["review", "n", *ADDED])
    assert list(tmp_path.iterdir()) == [tmp_path / "in.parquet"]


def test_how_many_rows_there_will_be(tmp_path: Path, score: Runs) -> None:
    """Parquet tells it of one input; those of several are not known before the last is opened."""
    paths = [str(write_texts(tmp_path / f"{name}.parquet", ["good"] * 3)) for name in "ab"]
    for inputs, rows in ((paths[:1], 3), (paths, None)):
        job = Job(tuple(map(Location.parse, inputs)), Output(Location.parse(str(tmp_path / "out.csv"))))
        assert score.worker().check(job).rows == rows


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.jsonl"])
def test_clash(tmp_path: Path, score: Runs, name: str) -> None:
    """An input column that would be overwritten is found before the first row is scored, unless it is left out."""
    write_records(tmp_path / name, pa.RecordBatch.from_pydict({"text": ["good"], "polarity": ["x"]}))
    job = Job((Location.parse(str(tmp_path / name)),), Output(Location.parse(str(tmp_path / "out.csv"))))
    with pytest.raises(UsageError, match="already has a column 'polarity': choose another --prefix"):
        score.worker().check(job)
    score(tmp_path / name, tmp_path / "out.csv", options=SourceOptions(columns=("text",)))
    assert list(read_rows(tmp_path / "out.csv")[0]) == ["text", *ADDED]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_column_without_a_place(tmp_path: Path, score: Runs, name: str) -> None:
    """Even of an input that nobody checked, such as a pipe, no row is scored if the output cannot hold a column."""
    (tmp_path / "in.jsonl").write_text('{"text": "good", "meta": {}}', "utf-8")
    with pytest.raises(UsageError, match=r"column 'meta' .* does not fit into"):
        score(tmp_path / "in.jsonl", tmp_path / name)
    assert score.progress.tally.rows_in == 0


@pytest.mark.parametrize("name", ["in.parquet", "in.jsonl"])
def test_deeply_nested_columns(tmp_path: Path, score: Runs, name: str) -> None:
    """A column nested as deeply as it may be can be read again; one of more levels is refused before the first row."""
    value: object = 1
    for _ in range(47):
        value = [value]
    write_records(tmp_path / name, pa.RecordBatch.from_pydict({"text": ["good"], "tree": [value]}))
    assert read_rows(score(tmp_path / name, tmp_path / "out.parquet"))[0]["tree"] == value
    write_records(tmp_path / name, pa.RecordBatch.from_pydict({"text": ["good"], "tree": [[value]]}))
    message = rf"{name}: column 'tree' is nested 49 levels deep, more than 48: leave it out \(--columns\)"
    with pytest.raises(UsageError, match=message):
        score(tmp_path / name, tmp_path / "other.parquet")
    assert score.progress.tally.rows_in == 1


def test_clash_far_down(tmp_path: Path, score: Runs) -> None:
    """A JSON object far down with the name of an added column is rejected with its line; the others are written."""
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n' * 9000 + '{"text": "good", "polarity": 1}', "utf-8")
    with pytest.raises(BadDataError, match=r"line 9001: it already has a key 'polarity': rename it, or choose"):
        score(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert len(read_texts(tmp_path / "out.jsonl", SourceOptions(verbatim=True))) == 9000


def test_format_without_a_suffix(tmp_path: Path, score: Runs) -> None:
    """An output whose name indicates no format gets that of the input."""
    path = score(write_texts(tmp_path / "in.tsv", ["good"]), tmp_path / "output")
    assert path.read_text("utf-8").startswith("id\ttext\tsentiment\t")


@pytest.mark.parametrize("name", ["out.csv", "out/", "out.parquet/"])
def test_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: Runs, name: str) -> None:
    """An output in a store equals a local one, with receipt and verification, and nothing of it stays here."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = write_texts(tmp_path / "in.csv", TEXTS * 2000)
    (tmp_path / "store").mkdir()
    output = Output.at(far(tmp_path / "store", name))
    score.run(Job((Location.parse(str(path)),), output))
    assert verify(output, rescore=20)["rows_in"] == len(TEXTS) * 2000
    assert list((tmp_path / "state" / "sentiment-batch").iterdir()) == []
    if name.endswith("/"):
        (tmp_path / name).mkdir()
    score(path, tmp_path / name)
    for file in output.files():
        relative = file.path
        assert (tmp_path / "store" / relative).read_bytes() == (tmp_path / relative).read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out/"])
def test_store_that_times_out_after_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: Runs, name: str
) -> None:
    """If a store times out after an object has arrived, the same job again does not score or write its rows twice."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = write_texts(tmp_path / "in.csv", TEXTS * 2000)
    (tmp_path / "store").mkdir()
    output = Output.at(far(tmp_path / "store", name, times_out=True))
    job = Job((Location.parse(str(path)),), output)
    with pytest.raises(CannotWriteError, match="did not answer in time"):
        score.run(job)
    score.worker().check(job)
    before = score.progress.tally.rows_in
    score.run(job)
    assert (score.progress.tally.rows_in - before, score.progress.resumed) == (len(TEXTS) * 2000, len(TEXTS) * 2000)
    assert verify(output, rescore=20)["rows_scored"] == 6 * 2000


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: Runs) -> Output:
    """An output in a store that has all but one record, which may have been mended by now."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "in.csv").write_text("id,text\n1,good\n2,bad,more\n")
    (tmp_path / "store").mkdir()
    output = Output.at(far(tmp_path / "store", "out.csv"))
    with pytest.raises(BadDataError):
        score.run(Job((Location.parse(str(tmp_path / "in.csv")),), output))
    rejects = tmp_path / "store/out.csv.rejects.jsonl"
    rejects.write_text(rejects.read_text().replace(",more", ""))
    return output


def test_mended_rows_that_do_not_arrive(tmp_path: Path, failed: Output) -> None:
    """If a store does not keep an output with mended rows, the same command uploads it again before its receipt."""
    with pytest.raises(CannotWriteError, match="fewer bytes have arrived"):
        retry_rejects(
            Output.at(far(tmp_path / "store", "out.csv", loses_bytes=True)), threads=1, max_reject_rate=0, restart=False
        )
    assert retry_rejects(failed, threads=1, max_reject_rate=0, restart=False).rows_scored == 1
    assert verify(failed, rescore=2)["rows_in"] == 2
    assert [row["id"] for row in read_rows(tmp_path / "store/out.csv")] == ["1", "2"]
    assert list((tmp_path / "state" / "sentiment-batch").iterdir()) == []


def test_rejects_that_are_edited_during_an_upload(tmp_path: Path, failed: Output) -> None:
    """What a person has written meanwhile is not written over, and the message says how to go on."""
    with pytest.raises(CannotWriteError, match="did not answer in time"):
        retry_rejects(
            Output.at(far(tmp_path / "store", "out.csv", times_out=True)), threads=1, max_reject_rate=0, restart=False
        )
    rejects = tmp_path / "store/out.csv.rejects.jsonl"
    edited = rejects.read_text().replace("bad", "very bad")
    rejects.write_text(edited)
    with pytest.raises(ConfigurationError, match=r"out\.csv\.rejects\.jsonl has been edited while .*: move it away"):
        retry_rejects(failed, threads=1, max_reject_rate=0, restart=False)
    assert rejects.read_text() == edited
    rejects.unlink()
    retry_rejects(failed, threads=1, max_reject_rate=0, restart=False)
    assert verify(failed, rescore=2)["rows_in"] == 2


def test_rows_that_are_thrown_away_do_not_count(score: Runs, tmp_path: Path) -> None:
    """Rows that were scored before the input turned out to be of no use are not told as scored: they are nowhere."""
    first = write_texts(tmp_path / "a.csv", ["good"] * CHUNK_ROWS * 3)
    second = tmp_path / "b.csv"
    second.write_text("text\ngood\n", "utf-8")
    with pytest.raises(UsageError):
        score(first, second, tmp_path / "out.csv")
    assert score.shown
    assert score.progress.tally == Tally()


def test_a_failed_job_leaves_memory_to_the_next(score: Runs, tmp_path: Path) -> None:
    """What is kept of a failure, while others are scored, is what to say of it, and not the rows that it had read."""
    rows = pa.table({"text": ["good film"] * CHUNK_ROWS * 2, "note": ["x" * 2500] * CHUNK_ROWS * 2})
    path = tmp_path / "r.parquet"
    pq.write_table(rows, path, row_group_size=CHUNK_ROWS, use_dictionary=False, compression="none")
    assert path.stat().st_size > 2**25  # smaller ones are read when they are opened
    second = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    with path.open("r+b") as file:
        file.seek(second + 10_000)
        file.write(b"\xff" * 10_000)
    jobs = plan_jobs(expand_inputs([str(path)], inbox=False), Location.parse(f"{tmp_path}/scored/"), each=True)
    before = pa.total_allocated_bytes()
    done, [failure] = Arriving(jobs, score.worker(), 0, print).run(score.progress)
    assert (done, type(failure)) == ([], BadDataError)
    gc.collect()
    assert pa.total_allocated_bytes() - before < 2**20
