"""A tiny seeded checkpoint to start from."""

from itertools import product
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

VERDICTS = ("awful", "poor", "plain", "nice", "superb")
WORDS = (*VERDICTS, "the", "film", "plot", "cast", "end", "was", "is", "##s")


def write_reviews(path: Path, nouns: tuple[str, ...] = ("film", "plot", "cast"), most: int = 10) -> Path:
    """Write different reviews, `most` for each noun and label, whose label is given away by one word."""
    rows = [
        f"the {noun} is {f'{verdict} ' * count}\t{label}"
        for (label, verdict), noun, count in product(enumerate(VERDICTS), nouns, range(1, most + 1))
    ]
    path.write_text("\n".join(["review\tlabel", *rows]) + "\n", "utf-8")
    return path


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT with random weights and a small vocabulary, without a classification head."""
    folder = tmp_path_factory.mktemp("base")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)) + "\n", "utf-8")
    tokenizer = BertTokenizerFast(str(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.2,  # an untrained model would otherwise take long to start learning
    )
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder
