"""A classifier that costs next to nothing, to send a million rows through everything around the model.

Its logits are the mean of one random vector per token. Call through `process.in_subprocess`: onnx takes memory.
"""

import json
from collections.abc import Sequence
from pathlib import Path

LABELS = ("negative", "neutral", "positive")
_MAX_TOKENS = 512
_VOCABULARY = 2000


def write_standin(folder: Path, texts: Sequence[str]) -> None:
    """Write graph, tokenizer and config into a new folder; the tokenizer's vocabulary is learned from the texts."""
    folder.mkdir()
    size = _write_tokenizer(folder / "tokenizer.json", texts)
    _write_graph(folder / "model.onnx", size)
    config = {
        "model_type": "bert",
        "id2label": {str(i): label for i, label in enumerate(LABELS)},
        "max_position_embeddings": _MAX_TOKENS,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def _write_tokenizer(path: Path, texts: Sequence[str]) -> int:
    """Write a small WordPiece tokenizer; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=_VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    tokenizer.save(str(path))
    return int(tokenizer.get_vocab_size())


def _write_graph(path: Path, vocabulary: int) -> None:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    vectors = np.random.default_rng(0).standard_normal((vocabulary, len(LABELS))).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["vectors", "input_ids"], ["tokens"]),
            helper.make_node("ReduceMean", ["tokens", "axes"], ["logits"], keepdims=0),
        ],
        "standin",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", len(LABELS)])],
        [numpy_helper.from_array(vectors, "vectors"), numpy_helper.from_array(np.array([1], np.int64), "axes")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
