"""A stand-in model that loads in no time: seeded logits for each token, averaged over the text."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import Description, Quantization, write_manifest

POLARITIES = (-1.0, -0.5, 0.0, 0.5, 1.0)
MAX_TOKENS = 32
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_WORDS = ("a", "bad", "film", "good", "not", "really", "seen", "the", "was", "worse")
_LETTERS = tuple("bcdefghijklmnopqrstuvwxyz0123456789")
VOCABULARY = (*_SPECIAL, *_WORDS, *_LETTERS, *(f"##{letter}" for letter in ("a", *_LETTERS)))


def build_tokenizer() -> Tokenizer:
    """Build a tokenizer with BERT's own steps and a vocabulary of a few words; other words are spelled."""
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def save_model(folder: Path) -> None:
    """Write a model folder without a manifest: the float graph, the tokenizer, the config."""
    save_graph(folder / "model.onnx")
    build_tokenizer().save(str(folder / "tokenizer.json"))
    config = {"id2label": dict(enumerate(FIVE_CLASSES)), "max_position_embeddings": MAX_TOKENS, "model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def save_bundle(folder: Path) -> None:
    """Write a model folder with its manifest."""
    save_model(folder)
    write_manifest(folder, Description(FIVE_CLASSES, POLARITIES, MAX_TOKENS, Quantization.NONE, 17))


def save_graph(path: Path) -> None:
    weights = np.random.default_rng(0).normal(scale=3, size=(len(VOCABULARY), len(FIVE_CLASSES))).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["weights", "input_ids"], ["tokens"]),
            helper.make_node("ReduceMean", ["tokens"], ["logits"], axes=[1], keepdims=0),
        ],
        "mean of tokens",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", len(FIVE_CLASSES)])],
        [numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def external(tensor: TensorProto, location: str) -> TensorProto:
    """Return the tensor without its content, which is said to be in another file; ONNX Runtime would read that."""
    moved = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    moved.data_location = TensorProto.EXTERNAL
    moved.external_data.add(key="location", value=location)
    return moved
