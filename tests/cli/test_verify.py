"""`verify`: what a receipt says is checked again, and whatever has changed since is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.process import Command, error_line
from cli.tables import REVIEWS, write_table
from support import edit_json
from tiny_graph import save_model


@pytest.fixture
def scored(score: Command) -> Callable[..., Path]:
    """Score the reviews into the named file; `broken` is appended to the input."""

    def run(name: str, *options: str, broken: bytes = b"") -> Path:
        path = write_table(score.folder / "r.csv", REVIEWS * 5)
        path.write_bytes(path.read_bytes() + broken)
        assert score("r.csv", "-o", name, *options).code == (3 if broken else 0)
        return score.folder / name

    return run


@pytest.mark.parametrize("name", ["out.csv", "out.tsv.gz", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("options", [(), ("--columns", "id", "--prefix", "model_", "--probabilities")])
def test_a_finished_output(command: Command, scored: Callable[..., Path], name: str, options: tuple[str, ...]) -> None:
    """Every format can be verified, including rows scored anew, even without the texts in the output."""
    scored(name, *options)
    result = command("verify", name, "--rescore", "1000", "--json")
    assert (result.code, json.loads(result.stdout)["rows_rescored"]) == (0, 20)
    assert "20 rows: 15 scored, 5 without text, 0 rejected; 20 scored anew: all as the receipt says" in result.stderr


def test_rejects_are_part_of_the_proof(command: Command, scored: Callable[..., Path]) -> None:
    """Tolerated rejects are counted, and their file must be unchanged."""
    output = scored("out.csv", "--max-reject-rate", "0.5", broken=b"only one field\n")
    assert command("verify", "out.csv", "--rescore", "9").code == 0
    output.with_name("out.csv.rejects.jsonl").write_bytes(b"")
    result = command("verify", "out.csv")
    assert result.code == 65
    assert error_line(result).startswith("out.csv.rejects.jsonl: size in bytes: 0, but the receipt says")


def test_rejects_that_the_receipt_does_not_know(command: Command, scored: Callable[..., Path]) -> None:
    """Records that somebody may take for rejected ones do not stand beside an output that has none."""
    output = scored("out.csv")
    output.with_name("out.csv.rejects.jsonl").write_bytes(b"{}\n")
    result = command("verify", "out.csv")
    assert result.code == 65
    assert error_line(result).startswith("out.csv.rejects.jsonl: being there: true, but the receipt says false")


@pytest.mark.parametrize(
    "options", [("--max-tokens", "3", "--long-text", "head"), ("--text-column", "stars"), ("--guard-formulas",)]
)
def test_scored_anew_as_before(command: Command, scored: Callable[..., Path], options: tuple[str, ...]) -> None:
    """Rows are scored anew with the options of their run."""
    scored("out.csv", *options)
    result = command("verify", "out.csv", "--rescore", "20", "--json")
    assert result.code == 0, error_line(result)
    assert json.loads(result.stdout)["rows_rescored"] == 20


def test_from_another_folder(
    command: Command, scored: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Inputs and model are found again from anywhere, however they were named."""
    (command.folder / "m").mkdir()
    save_model(command.folder / "m")
    output = scored("out.csv", "--model", "m")
    elsewhere = replace(command, folder=tmp_path_factory.mktemp("elsewhere"))
    assert elsewhere("verify", output, "--rescore", "20").code == 0


def test_a_changed_byte(command: Command, scored: Callable[..., Path]) -> None:
    """A single changed byte gives exit code 65."""
    output = scored("out.parquet")
    content = bytearray(output.read_bytes())
    content[len(content) // 2] ^= 1
    output.write_bytes(content)
    result = command("verify", "out.parquet")
    assert result.code == 65
    assert error_line(result).startswith("out.parquet: sha256: ")


@pytest.mark.parametrize(
    ("entry", "change"),
    [
        ("labels", lambda labels: labels | {"neutral": 1}),
        ("mean_polarity", lambda mean: mean / 2 + 0.1),
        ("confidence", lambda histogram: histogram | {"rows": histogram["rows"][::-1]}),
        ("tokens", lambda histogram: histogram | {"rows": histogram["rows"][::-1]}),
        ("truncated_share", lambda _: 0.5),
    ],
)
def test_the_distribution_is_that_of_the_rows(
    command: Command, scored: Callable[..., Path], entry: str, change: Callable[[Any], Any]
) -> None:
    """What a receipt says of the predictions as a whole is counted again."""
    receipt = scored("out.csv").with_name("out.csv.receipt.json")
    edit_json(receipt, lambda facts: facts["distribution"].update({entry: change(facts["distribution"][entry])}))
    result = command("verify", "out.csv")
    assert result.code == 65
    assert "distribution: " in error_line(result)


@pytest.mark.parametrize("entry", ["rows_in", "rows_scored", "rows_unscorable", "tokens"])
def test_counts_must_add_up(command: Command, scored: Callable[..., Path], entry: str) -> None:
    """A receipt whose counts do not match the output is refused."""
    receipt = scored("out.csv").with_name("out.csv.receipt.json")
    edit_json(receipt, lambda facts: facts.update({entry: facts[entry] + 1}))
    assert command("verify", "out.csv").code == 65


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("change", [lambda columns: columns[::-1], lambda columns: [*columns, columns[-1]]])
def test_the_columns_are_those_of_the_file(
    command: Command, scored: Callable[..., Path], name: str, change: Callable[[list[str]], list[str]]
) -> None:
    """A receipt that names other columns than the output has, or in another order, is refused."""
    receipt = scored(name).with_name(f"{name}.receipt.json")
    edit_json(receipt, lambda facts: facts["output"].update(columns=change(facts["output"]["columns"])))
    result = command("verify", name)
    assert result.code == 65
    assert error_line(result).startswith(f"{name}: columns: [")


def test_predictions_of_a_gpu_are_not_compared_to_the_bit(command: Command, scored: Callable[..., Path]) -> None:
    """An output scored on CUDA is verified by hashes and counts; --rescore is refused with the reason."""
    receipt = scored("out.csv").with_name("out.csv.receipt.json")
    edit_json(receipt, lambda facts: facts["options"].update(provider="CUDAExecutionProvider"))
    result = command("verify", "out.csv", "--rescore", "1")
    assert result.code == 2
    assert error_line(result).startswith("out.csv was scored on CUDA")
    assert command("verify", "out.csv").code == 0


def test_predictions_that_depend_on_their_batch_are_not_compared(command: Command, tmp_path: Path) -> None:
    """Nor are those of a graph that scales a whole batch by its extremes, as int8 graphs of the hub do."""
    save_model(tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    quantize = onnx.helper.make_node("DynamicQuantizeLinear", ["tokens"], ["integers", "scale", "zero"])
    restore = onnx.helper.make_node("DequantizeLinear", quantize.output, ["approximate"])
    gather, mean = model.graph.node
    mean.input[0] = "approximate"
    del model.graph.node[:]
    model.graph.node.extend([gather, quantize, restore, mean])
    onnx.save(model, tmp_path / "model.onnx")
    write_table(tmp_path / "r.csv", REVIEWS)
    assert command("score", "r.csv", "-o", "out.csv", "--model", str(tmp_path)).code == 0
    result = command("verify", "out.csv", "--rescore", "4")
    assert result.code == 2
    assert error_line(result).startswith("out.csv was scored with a graph that quantizes whole batches")
    assert command("verify", "out.csv").code == 0


def test_rows_of_a_pipe_are_not_scored_anew(command: Command, score: Command) -> None:
    """An output scored from standard input is verified by hashes and counts; --rescore is refused with the reason."""
    content = write_table(score.folder / "r.csv").read_bytes()
    assert score("-", "-o", "out.csv", stdin=content).code == 0
    assert command("verify", "out.csv").code == 0
    result = command("verify", "out.csv", "--rescore", "3")
    assert result.code == 2
    assert error_line(result).startswith("out.csv was scored from standard input, which cannot be read again")


def test_times_that_python_lacks(command: Command, score: Command) -> None:
    """What stands beside the predictions need not be of a type that Python has."""
    table = pa.table(
        {
            "text": ["good", "bad"],
            "nanoseconds": pa.array([1, 2], pa.timestamp("ns")),
            "far": pa.array([2**60, -(2**60)], pa.timestamp("us")),
        }
    )
    pq.write_table(table, score.folder / "r.parquet")
    assert score("r.parquet", "-o", "out.parquet", "--probabilities").code == 0
    result = command("verify", "out.parquet", "--rescore", "2")
    assert result.code == 0, error_line(result)


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"r.jsonl": [{"text": "good"}, {"text": "bad", "rare": 1}], "s.jsonl": [{"text": "a", "other": 2}]}, ()),
        ({"r.jsonl": [{"text": "good " * 4_000_000}]}, ("--max-field-bytes", "33554432")),
        ({"r.csv": []}, ()),
    ],
)
def test_odd_outputs(
    command: Command, score: Command, files: dict[str, list[dict[str, Any]]], options: tuple[str, ...]
) -> None:
    """Objects with different keys, a row longer than the default bound, and no rows at all can be verified too."""
    for name, rows in files.items():
        content = "".join(json.dumps(row) + "\n" for row in rows) if name.endswith("l") else "text\n"
        (score.folder / name).write_text(content)
    assert score(*files, "-o", "out.jsonl", *options).code == 0
    result = command("verify", "out.jsonl", "--rescore", "9")
    assert result.code == 0, error_line(result)


def test_predictions_are_compared_to_the_bit(command: Command, scored: Callable[..., Path]) -> None:
    """A prediction changed in its last digits is found by scoring anew, even if the hashes agree."""
    output = scored("out.jsonl")
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    rows[0]["confidence"] += 1e-6
    output.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    proof = {"bytes": output.stat().st_size, "sha256": sha256(output.read_bytes()).hexdigest()}
    edit_json(output.with_name("out.jsonl.receipt.json"), lambda facts: facts["output"].update(proof))
    assert command("verify", "out.jsonl").code == 0
    result = command("verify", "out.jsonl", "--rescore", "20")
    assert result.code == 65
    assert error_line(result).startswith("row 1: confidence: ")


def test_no_receipt(command: Command, scored: Callable[..., Path]) -> None:
    """Without a receipt nothing can be verified; too many rejects are told as what they are."""
    receipt = scored("out.csv").with_name("out.csv.receipt.json")
    incomplete = receipt.rename(receipt.with_name("out.csv.incomplete.json"))
    result = command("verify", "out.csv")
    assert (result.code, "more of its records are rejected" in error_line(result)) == (65, True)
    incomplete.unlink()
    result = command("verify", "out.csv")
    assert result.code == 66
    assert error_line(result) == ("out.csv.receipt.json: no such file: only a finished run leaves a receipt")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000])
def test_not_a_receipt(command: Command, scored: Callable[..., Path], content: bytes) -> None:
    """A file that is not a receipt is named."""
    scored("out.csv").with_name("out.csv.receipt.json").write_bytes(content)
    result = command("verify", "out.csv")
    assert result.code == 65
    assert error_line(result).startswith("out.csv.receipt.json is not a receipt")


def test_input_that_changed(command: Command, scored: Callable[..., Path]) -> None:
    """Rows are scored anew only from the input that they came from."""
    path = scored("out.csv").with_name("r.csv")
    path.write_bytes(path.read_bytes() + b"9,good\n")
    assert command("verify", "out.csv").code == 0
    result = command("verify", "out.csv", "--rescore", "1")
    assert result.code == 66
    assert "its input is gone, or has changed since" in error_line(result)
