"""Models that are not what they should be are refused in one line, before a row is scored; nothing is written."""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest
from bag_of_words import VOCABULARY, save_bag_of_words
from cli.process import Command, error_line
from cli.tables import write_table
from onnx import TensorProto, helper, numpy_helper
from tiny_graph import external

from sentiment_batch.labels import FIVE_CLASSES

SECRET = np.full((len(VOCABULARY), len(FIVE_CLASSES)), 0.5, np.float32)
WEIGHTS = numpy_helper.from_array(SECRET, "weights")
MEAN = [
    helper.make_node("Gather", ["weights", "input_ids"], ["words"]),
    helper.make_node("ReduceMean", ["words"], ["logits"], axes=[1], keepdims=0),
]
OPSET = helper.make_opsetid("", 17)


def model(nodes: Sequence[onnx.NodeProto], *tensors: onnx.TensorProto) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[OPSET], ir_version=9)


def own_operator() -> onnx.ModelProto:
    """A model that needs an operator from a library of its own."""
    made = model([helper.make_node("Surprise", ["input_ids"], ["logits"], domain="own.operators")])
    made.opset_import.append(helper.make_opsetid("own.operators", 1))
    return made


def endless_function() -> onnx.ModelProto:
    made = model([helper.make_node("F", ["input_ids"], ["logits"], domain="own")])
    own = helper.make_opsetid("own", 1)
    call = helper.make_node("F", ["x"], ["y"], domain="own")
    made.functions.append(helper.make_function("own", "F", ["x"], ["y"], [call], [OPSET, own]))
    made.opset_import.append(own)
    return made


def of_weights(values: np.ndarray) -> onnx.ModelProto:
    return model(MEAN, numpy_helper.from_array(values.astype(np.float32), "weights"))


NOT_TRUSTED = "m/model.onnx is not a usable ONNX graph: "
ANOTHER_FILE = NOT_TRUSTED + "it refers to another file (external data): save it as one file"
NO_NUMBERS = "m/model.onnx does not give one finite number for each of 5 labels: "
MODELS: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "path outwards": (lambda: model(MEAN, external(WEIGHTS, "../secret")), ANOTHER_FILE),
    "absolute path": (lambda: model(MEAN, external(WEIGHTS, "/etc/passwd")), ANOTHER_FILE),
    "symbolic link": (lambda: model(MEAN, external(WEIGHTS, "symbolic")), ANOTHER_FILE),
    "hard link": (lambda: model(MEAN, external(WEIGHTS, "hard")), ANOTHER_FILE),
    "negative length": (
        lambda: model(MEAN, TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[-1, 5])),
        NOT_TRUSTED + "a tensor has a negative length",
    ),
    "length without data": (
        lambda: model(MEAN, TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[2**40, 5])),
        "m/model.onnx does not load: ",
    ),
    "own operator": (own_operator, "m/model.onnx does not load: "),
    "endless function": (endless_function, "m/model.onnx does not load: "),
    "numbers for each token": (
        lambda: model([MEAN[0], helper.make_node("Identity", ["words"], ["logits"])], WEIGHTS),
        NO_NUMBERS,
    ),
    "one number": (
        lambda: model([*MEAN[:1], helper.make_node("ReduceMean", ["words"], ["logits"], keepdims=0)], WEIGHTS),
        NO_NUMBERS,
    ),
    "too few labels": (lambda: of_weights(SECRET[:, :1]), "m/model.onnx has 1 outputs for 5 labels: "),
    "no numbers": (lambda: of_weights(np.full_like(SECRET, np.nan)), NO_NUMBERS),
    "too few words": (lambda: of_weights(SECRET[:-1]), "m/model.onnx does not take what tokenizer.json gives: "),
}


@pytest.mark.parametrize(("build", "message"), MODELS.values(), ids=MODELS)
def test_model(command: Command, build: Callable[[], onnx.ModelProto], message: str) -> None:
    """A graph that reads outside its own file, or is not a classifier, is refused by name."""
    folder = command.folder / "m"
    folder.mkdir()
    save_bag_of_words(folder)
    (folder / "bundle.json").unlink()
    (command.folder / "secret").write_bytes(WEIGHTS.raw_data)
    (folder / "symbolic").symlink_to("../secret")
    (folder / "hard").hardlink_to(command.folder / "secret")
    (folder / "model.onnx").write_bytes(build().SerializeToString())
    write_table(command.folder / "r.csv")
    before = command.contents()
    result = command("score", "r.csv", "--model", "m")
    assert (result.code, result.stdout) == (78, "")
    assert error_line(result).startswith(message)
    assert len(result.stderr.splitlines()) == 1
    assert command.contents() == before
