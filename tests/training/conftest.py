"""A tiny seeded checkpoint to start from."""

from pathlib import Path

import pytest
import torch
from cli.process import Command
from transformers import BertConfig, BertModel, BertTokenizerFast

WORDS = ("awful", "poor", "plain", "nice", "superb", "the", "film", "plot", "cast", "end", "was", "is", "##s")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`sentiment-batch`, run in the test's own folder."""
    return Command(tmp_path)


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
