"""Tiny seeded checkpoints of real architectures, made on the spot: nothing to download."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from sentiment_batch.labels import FIVE_CLASSES

POSITIONS = 128

_WORDS = (
    "a",
    "the",
    "film",
    "plot",
    "food",
    "was",
    "is",
    "not",
    "good",
    "bad",
    "great",
    "awful",
    "dull",
    "never",
    "and",
)
# Enough rows for the embedding table to be quantized.
_VOCABULARY = 1200
_HIDDEN = 32


def write_checkpoint(
    folder: Path,
    model_type: str = "bert",
    labels: tuple[str, ...] = FIVE_CLASSES,
    change: Callable[[Any], None] = lambda model: None,
) -> Path:
    """Write a sequence classifier with random weights to `folder`, as transformers saves it, and return the folder.

    `model_type` is albert, bert, distilbert, electra or roberta. `change` may alter the model before it is saved.
    """
    torch.manual_seed(7)
    model = _MODELS[model_type](dict(enumerate(labels)))
    with torch.no_grad():
        # Far enough from zero that labels differ from text to text.
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(8)
        change(model)
    model.save_pretrained(folder)
    tokenizer = byte_tokenizer() if model_type == "roberta" else _word_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _bert(names: dict[int, str]) -> Any:
    config = transformers.BertConfig(**_sizes(names))
    return transformers.BertForSequenceClassification(config)


def _albert(names: dict[int, str]) -> Any:
    config = transformers.AlbertConfig(**_sizes(names), embedding_size=16)
    return transformers.AlbertForSequenceClassification(config)


def _electra(names: dict[int, str]) -> Any:
    config = transformers.ElectraConfig(**_sizes(names), embedding_size=16)
    return transformers.ElectraForSequenceClassification(config)


def _sizes(names: dict[int, str]) -> dict[str, Any]:
    return {
        "vocab_size": _VOCABULARY,
        "hidden_size": _HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": POSITIONS,
        "id2label": names,
    }


def _distilbert(names: dict[int, str]) -> Any:
    config = transformers.DistilBertConfig(
        vocab_size=_VOCABULARY,
        dim=_HIDDEN,
        n_layers=2,
        n_heads=4,
        hidden_dim=64,
        max_position_embeddings=POSITIONS,
        id2label=names,
    )
    return transformers.DistilBertForSequenceClassification(config)


def _roberta(names: dict[int, str]) -> Any:
    # RoBERTa's positions begin after the padding id, which is 1.
    sizes = _sizes(names) | {"max_position_embeddings": POSITIONS + 2}
    config = transformers.RobertaConfig(**sizes, type_vocab_size=1)
    return transformers.RobertaForSequenceClassification(config)


_MODELS: dict[str, Callable[[dict[int, str]], Any]] = {
    "albert": _albert,
    "bert": _bert,
    "distilbert": _distilbert,
    "electra": _electra,
    "roberta": _roberta,
}


def _word_tokenizer() -> Tokenizer:
    """Build a WordPiece tokenizer: a few words, and single characters for the rest."""
    characters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = [*characters, *(f"##{character}" for character in characters), *_WORDS]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    entries = dict.fromkeys([*special, *pieces])
    vocabulary = {piece: i for i, piece in enumerate(entries)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(special)
    return tokenizer


def byte_tokenizer() -> Tokenizer:
    """Build a byte-level BPE tokenizer without merges: one token per byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {piece: i for i, piece in enumerate([*special, "<mask>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*special, AddedToken("<mask>", lstrip=True)])
    return tokenizer
