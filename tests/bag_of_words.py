"""A stand-in model that loads in no time and reads three words."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import Description, Quantization, write_manifest

# The last one is tried as the model is loaded.
VOCABULARY = ("[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "crash", "fail", "unharmed")


def save_bag_of_words(
    folder: Path,
    good: str = "very positive",
    bad: str = "very negative",
    *,
    deadly: str = "",
    copies: int = 1,
) -> None:
    """Write a bundle that adds up the logits of its words; "good" and "bad" each speak for one label.

    A `deadly` word ends the process with SIGFPE; the word after it in VOCABULARY makes the graph raise an exception.
    For each row, `copies` times five floats are held in memory.
    """
    _save_graph(folder / "model.onnx", good, bad, deadly=deadly, copies=copies)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"id2label": dict(enumerate(FIVE_CLASSES)), "max_position_embeddings": 64, "model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    write_manifest(folder, Description(FIVE_CLASSES, (-1.0, -0.5, 0.0, 0.5, 1.0), 64, Quantization.NONE, 17))


def _save_graph(path: Path, good: str, bad: str, *, deadly: str, copies: int) -> None:
    weights = np.zeros((len(VOCABULARY), len(FIVE_CLASSES)), dtype=np.float32)
    weights[VOCABULARY.index("good"), FIVE_CLASSES.index(good)] = 2
    weights[VOCABULARY.index("bad"), FIVE_CLASSES.index(bad)] = 2
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["words"]),
        helper.make_node("ReduceSum", ["words", "axis"], ["sum"], keepdims=0),
        helper.make_node("Tile", ["sum", "copies"], ["sums"]),
        helper.make_node("Slice", ["sums", "start", "end", "axis"], ["logits"]),
    ]
    integers = {"axis": [1], "copies": [1, copies], "start": [0], "end": [len(FIVE_CLASSES)]}
    constants = {"weights": weights} | {name: np.array(value, dtype=np.int64) for name, value in integers.items()}
    if deadly:
        # The lowest integer divided by -1 overflows, which x86 processors report as a division by zero.
        nodes[1:2] = [
            helper.make_node("Sub", ["input_ids", "fail"], ["distance"]),
            helper.make_node("Div", ["lowest", "distance"], ["quotient"]),
            helper.make_node("Cast", ["quotient"], ["as_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["as_float", "zero"], ["nothing"]),
            helper.make_node("Unsqueeze", ["nothing", "last"], ["column"]),
            helper.make_node("Add", ["words", "column"], ["all"]),
            helper.make_node("ReduceSum", ["all", "axis"], ["sum"], keepdims=0),
        ]
        constants |= {
            "fail": np.array([VOCABULARY.index(deadly) + 1]),
            "lowest": np.array([np.iinfo(np.int64).min]),
            "zero": np.zeros(1, dtype=np.float32),
            "last": np.array([2]),
        }
    graph = helper.make_graph(
        nodes,
        "bag of words",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", len(FIVE_CLASSES)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
