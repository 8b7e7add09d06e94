"""Input and models that cannot be used: one clear line, the documented exit code, nothing left behind."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
from cli.process import Command, error_line
from cli.tables import REVIEWS, read_table, write_table
from support import compressed, edit_json


def truncated(name: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        path = write_table(folder / name, [row | {"id": str(i)} for i, row in enumerate(REVIEWS * 999)])
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return write


def holding(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


NOT_PARQUET = "r.parquet is not a readable Parquet file: "
CASES = {
    "no such file": (lambda folder: None, "r.csv", 66, "r.csv: no such file"),
    "no such URI": (lambda folder: None, "file:///nowhere/r.csv", 66, "file:///nowhere/r.csv: no such file"),
    "no match": (lambda folder: None, "*.csv", 66, "*.csv: no file matches"),
    "empty folder": (lambda folder: (folder / "in").mkdir(), "in", 66, "in: no Parquet, CSV, TSV or JSONL file in"),
    "unknown suffix": (holding("r.xlsx", b"PK"), "r.xlsx", 2, "r.xlsx: not one of .parquet, .csv, .tsv, .jsonl"),
    "empty CSV": (holding("r.csv", b""), "r.csv", 65, "r.csv: the file is empty"),
    "empty Parquet": (holding("r.parquet", b""), "r.parquet", 65, "r.parquet: the file is empty"),
    "nothing on stdin": (lambda folder: None, "-", 65, "-: the file is empty"),
    "gzip of nothing": (holding("r.csv.gz", gzip.compress(b"")), "r.csv.gz", 65, "r.csv.gz: the file has no header"),
    "no text column": (holding("r.csv", b"id,opinion\n1,good\n"), "r.csv", 2, "r.csv: no known column name"),
    "two columns of one name": (holding("r.csv", b"text,text\na,b\n"), "r.csv", 2, "r.csv: several columns are named"),
    "not Parquet": (holding("r.parquet", b"text\ngood\n"), "r.parquet", 65, NOT_PARQUET),
    "truncated Parquet": (truncated("r.parquet"), "r.parquet", 65, NOT_PARQUET),
    "not gzip": (holding("r.csv.gz", b"text\ngood\n"), "r.csv.gz", 65, "r.csv.gz: cut short or damaged: Not a gzipped"),
    "truncated gzip": (truncated("r.csv.gz"), "r.csv.gz", 65, "r.csv.gz: cut short or damaged: Compressed file ended"),
    "truncated zstd": (truncated("r.csv.zst"), "r.csv.zst", 65, "r.csv.zst: "),
    "header not UTF-8": (holding("r.csv", b"text\xf6\na\n"), "r.csv", 65, "r.csv: the header is not utf-8 text: "),
    "gzip without its suffix": (
        holding("r.csv", gzip.compress(b"text\na\n")),
        "r.csv",
        65,
        "r.csv: it begins like gzip: ",
    ),
    "gzip twice": (
        holding("r.csv.gz", gzip.compress(gzip.compress(b"text\na\n"))),
        "r.csv.gz",
        65,
        "r.csv.gz: it begins like gzip: ",
    ),
    "zstd without its suffix": (
        holding("r.jsonl", compressed(b"{}\n", "zst")),
        "r.jsonl",
        65,
        "r.jsonl: it begins like zstd: ",
    ),
    "ZIP": (holding("r.csv", b"PK\x03\x04\x14"), "r.csv", 65, "r.csv: it begins like a ZIP archive: unpack it"),
    "Parquet named CSV": (
        lambda folder: write_table(folder / "r.parquet", REVIEWS).rename(folder / "r.csv"),
        "r.csv",
        65,
        "r.csv: it begins like a Parquet file: give it the suffix .parquet",
    ),
}


@pytest.mark.parametrize(("prepare", "name", "code", "message"), CASES.values(), ids=CASES)
def test_input(score: Command, prepare: Callable[[Path], object], name: str, code: int, message: str) -> None:
    """Input that cannot be read ends in one line that names it, and leaves no output."""
    prepare(score.folder)
    before = score.contents()
    result = score(name)
    assert (result.code, result.stdout) == (code, "")
    assert error_line(result).startswith(message)
    assert score.contents() == before


BROKEN = {
    "ragged CSV": ("r.csv", b"id,text\n1,good\n2\n", "r.csv: line 3: 1 fields where the header"),
    "open quote": ("r.csv", b'text\ngood\n"bad\n', "r.csv: line 3: unexpected end of data"),
    "CSV not UTF-8": ("r.csv", b"text\ngood\nsch\xf6n\n", "r.csv: line 3: not utf-8 text: convert it"),
    "JSONL not UTF-8": (
        "r.jsonl",
        b'{"text": "sch\xf6n"}\n{"text": "good"}\n',
        "r.jsonl: line 1: not UTF-8 text",
    ),
    "not JSON": ("r.jsonl", b'{"text": "good"}\n{"te\n', "r.jsonl: line 2: not a JSON object"),
}


@pytest.mark.parametrize(("name", "content", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_record(score: Command, name: str, content: bytes, message: str) -> None:
    """A record that cannot be read fails the run and goes to the rejects file; the other records are in the output."""
    path = score.folder / name
    path.write_bytes(content)
    output = f"r.scored{path.suffix}"
    result = score(name)
    assert (result.code, result.stdout) == (65, "")
    assert error_line(result).startswith(message)
    assert sorted(score.contents()) == sorted([name, output, f"{output}.incomplete.json", f"{output}.rejects.jsonl"])
    assert [row["text"] for row in read_table(score.folder / output)] == ["good"]
    # If it is tolerated, the exit code alone reports it.
    result = score(name, "--force", "--max-reject-rate", "0.5")
    assert result.code == 3
    assert "2 rows: 1 scored, 0 without text, 1 rejected" in result.stderr
    assert f"{output}.receipt.json" in score.contents()


def test_what_stands_beside_an_output_is_of_the_same_run(score: Command) -> None:
    """Of an output that is replaced neither receipt nor rejects stay, whichever of the two runs was good."""
    for broken in (True, False, True):
        (score.folder / "r.csv").write_bytes(b"text\ngood\n" + b"bad,more\n" * broken)
        assert score("r.csv", "--force").code == (65 if broken else 0)
        beside = ["incomplete.json", "rejects.jsonl"] if broken else ["receipt.json"]
        assert sorted(score.contents()) == ["r.csv", "r.scored.csv", *(f"r.scored.csv.{name}" for name in beside)]


def test_old_output_survives_bad_input(score: Command) -> None:
    """With --force an output is replaced only by a complete one."""
    truncated("r.csv.gz")(score.folder)
    holding("r.scored.csv.gz", b"old")(score.folder)
    before = score.contents()
    assert score("r.csv.gz", "--force").code == 65
    assert score.contents() == before


def test_control_characters_are_escaped(score: Command) -> None:
    """A file name cannot put a second line or terminal commands into the message."""
    result = score("r\n\x1bc.csv")
    assert error_line(result) == r"r\n\x1bc.csv: no such file"


def test_verbose_shows_the_traceback(score: Command) -> None:
    """-v shows where an error arose, without changing the exit code."""
    result = score("r.csv", "-v")
    assert "Traceback (most recent call last)" in result.stderr
    assert "NoInputError: r.csv: no such file" in result.stderr
    assert result.code == 66


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "--nonsense"], "No such option"),
        (["score"], "Missing argument 'INPUT...'."),
        (["score", "r.csv", "--max-field-bytes", "1000000000"], "Invalid value for '--max-field-bytes': 1000000000"),
        (["score", "r.csv", "--device", "tpu"], "Invalid value for '--device': 'tpu' is not one of"),
        (["nonsense"], "No such command 'nonsense'."),
    ],
)
def test_usage(command: Command, arguments: list[str], message: str) -> None:
    """Wrong usage is reported by click's usual lines and exit code 2."""
    result = command(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert error_line(result).startswith(message)
    assert result.stderr.startswith("Usage: sentiment-batch")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--encoding", "utf-16"], "--encoding utf-16: not a known extension of ASCII: convert the file with iconv"),
        (["--delimiter", "||"], "--delimiter is one character, not '||'"),
        (["--quote", ";", "--delimiter", ";"], "--delimiter and --quote are both ';': choose another"),
    ],
)
def test_dialect(score: Command, options: list[str], message: str) -> None:
    """Dialect options that cannot work are wrong usage."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", *options)
    assert (result.code, error_line(result)) == (2, message)


def test_no_model_folder(command: Command) -> None:
    """A model folder that does not exist is named."""
    result = command("predict", "--model", "nowhere", "good")
    assert (result.code, error_line(result)) == (78, "no model folder at nowhere")


def _lose_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _lose_tokenizer_and_manifest(folder: Path) -> None:
    _lose_tokenizer(folder)
    (folder / "bundle.json").unlink()


def _alter_config(folder: Path) -> None:
    config = folder / "config.json"
    config.write_bytes(config.read_bytes().replace(b"neutral", b"nothing"))


def _add_second_graph(folder: Path) -> None:
    (folder / "bundle.json").unlink()
    (folder / "onnx").mkdir()
    shutil.copy(folder / "model.onnx", folder / "onnx/model.onnx")


def _list_no_files(folder: Path) -> None:
    edit_json(folder / "bundle.json", files={})


def _cut_manifest(folder: Path) -> None:
    (folder / "bundle.json").write_text('{"schema_version": 1', "utf-8")


def _break_graph(folder: Path) -> None:
    (folder / "bundle.json").unlink()
    (folder / "model.onnx").write_bytes(b"not a graph")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_lose_tokenizer, "m lacks tokenizer.json: copy or export the bundle again"),
        (_lose_tokenizer_and_manifest, "m has no tokenizer.json: a model folder needs one"),
        (_alter_config, "m/config.json is not the file that was exported: copy or export the bundle again"),
        (_add_second_graph, "m has several graphs for the same purpose: model.onnx and onnx/model.onnx; keep one"),
        (_list_no_files, "m has no ONNX graph (model.onnx or model_quantized.onnx)"),
        (_cut_manifest, "m/bundle.json is not a bundle manifest of schema version 1: "),
        (_break_graph, "m/model.onnx is not a usable ONNX graph: "),
    ],
)
def test_damaged_model(command: Command, model: Path, damage: Callable[[Path], None], message: str) -> None:
    """A model with a file missing, altered, ambiguous or broken is refused by name; nothing is written."""
    shutil.copytree(model, command.folder / "m")
    damage(command.folder / "m")
    write_table(command.folder / "r.csv")
    before = command.contents()
    result = command("score", "r.csv", "--model", "m")
    assert (result.code, result.stdout) == (78, "")
    assert error_line(result).startswith(message)
    assert command.contents() == before


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is installed")
def test_no_cuda(score: Command) -> None:
    """--device cuda never falls back to the CPU in silence."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "--device", "cuda")
    assert result.code == 78
    assert error_line(result).startswith("this installation of onnxruntime has no CUDAExecutionProvider")
    assert list(score.contents()) == ["r.csv"]


def test_more_tokens_than_the_model_reads(score: Command) -> None:
    """--max-tokens above the model's own limit is refused, and the limit is named."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "--max-tokens", "65")
    assert (result.code, error_line(result)) == (78, "the model reads at most 64 tokens: lower --max-tokens")


def test_a_reject_rate_that_is_met_exactly(score: Command) -> None:
    """29 of 100 records are not more than 0.29 of them."""
    (score.folder / "r.csv").write_text("id,text\n" + "1,good\n" * 71 + "2,bad,x\n" * 29)
    assert score("r.csv", "--max-reject-rate", "0.28", "-o", "a.csv").code == 65
    assert score("r.csv", "--max-reject-rate", "0.29", "-o", "b.csv").code == 3
