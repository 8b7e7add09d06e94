"""Makes `benchmarks`, which is never installed, importable; a tiny checkpoint and a few snippets to measure on."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_graph import MAX_TOKENS, build_tokenizer

from sentiment_batch.labels import FIVE_CLASSES

ROOT = Path(__file__).resolve().parents[2]

# Appended last, so that `sentiment_batch` is the installed one.
sys.path.append(str(ROOT))

Bench = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Run a benchmark command and return the JSON that it wrote."""

    def run(*arguments: str | Path, repeat: int | None = 1) -> dict[str, Any]:
        output = tmp_path_factory.mktemp("bench") / "figures.json"
        turns = () if repeat is None else (f"--repeat={repeat}",)
        words = [sys.executable, "-m", "benchmarks", *map(str, arguments), *turns, f"--json={output}"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "| ---" in done.stdout
        return dict(json.loads(output.read_text("utf-8")))

    return run


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """A folder that holds 160 made-up snippets where the fetched ones would be."""
    folder = tmp_path / "data" / "hutto_ICWSM_2014"
    folder.mkdir(parents=True)
    for kind in ("movie", "amazon", "tweets", "nyt"):
        lines = [f"{i}\t0\tthe film number {i} of {kind} was {'not ' * (i % 5)}bad\n" for i in range(40)]
        (folder / f"{kind}_GroundTruth.txt").write_text("".join(lines), "latin-1")
    return folder.parent


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT with random weights, and the tokenizer and labels of the stand-in bundle."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_checkpoint")
    tokenizer = build_tokenizer()
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
        id2label=dict(enumerate(FIVE_CLASSES)),
        label2id={label: i for i, label in enumerate(FIVE_CLASSES)},
        # Far enough from zero that labels differ from text to text.
        initializer_range=0.5,
    )
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    return folder
