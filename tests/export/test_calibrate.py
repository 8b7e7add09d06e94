"""How far the channels of normalized tensors reach."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentiment_batch.export.calibrate import channel_reaches

WIDTH = 4
WORDS = np.random.default_rng(0).normal(size=(10, WIDTH)).astype(np.float32)
SCALES = {"first": np.array([1, -8, 0.5, 2], np.float32), "second": np.array([3, 1, 1, -1], np.float32)}


def classifier() -> onnx.ModelProto:
    """The mean of its words, normalized twice."""
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["found"]),
        helper.make_node("LayerNormalization", ["found", "first"], ["once"]),
        helper.make_node("LayerNormalization", ["once", "second"], ["twice"]),
        helper.make_node("ReduceMean", ["twice", "axis"], ["logits"], keepdims=0),
    ]
    constants = {"words": WORDS, "axis": np.array([1]), **SCALES}
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", WIDTH])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def normalized(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    deviations = rows - rows.mean(axis=1, keepdims=True)
    result: np.ndarray = deviations / np.sqrt((deviations**2).mean(axis=1, keepdims=True) + 1e-5) * scale
    return result


def test_reaches(tmp_path: Path) -> None:
    """Of each channel the largest magnitude, of either sign, over all texts of all lengths, for each tensor its own."""
    once = normalized(WORDS[[1, 2, 3, 7, 8, 9]], SCALES["first"])
    expected = {"once": np.abs(once).max(axis=0), "twice": np.abs(normalized(once, SCALES["second"])).max(axis=0)}
    assert (-once).max(axis=0).tolist() != expected["once"].tolist() != once.max(axis=0).tolist()
    found = channel_reaches(classifier(), [[1, 2, 3], [7], [8, 9, 8]], tmp_path)
    assert found.keys() == expected.keys()
    for name, reach in expected.items():
        np.testing.assert_allclose(found[name], reach, rtol=1e-5)


def test_nothing_normalized(tmp_path: Path) -> None:
    """A graph without LayerNormalization has no reaches, and nothing is run for them."""
    model = classifier()
    del model.graph.node[:]
    assert channel_reaches(model, [[1]], tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
