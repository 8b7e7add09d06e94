import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file, save_file
from support import edit_json
from tiny_models import POSITIONS, write_checkpoint
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.export import ExportOptions, export_bundle
from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.oracle import Oracle
from sentiment_batch.manifest import Quantization


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "checkpoint")


def test_pickles_beside_safetensors_are_ignored(folder: Path) -> None:
    """The training_args.bin that transformers leaves in every checkpoint is never opened."""
    (folder / "training_args.bin").write_bytes(b"not even a pickle")
    assert Oracle(Checkpoint.open(str(folder))).weights()


def test_several_labels_a_text_are_refused(folder: Path) -> None:
    """A multi-label model is refused: its outputs are not the probabilities of one label."""
    edit_json(folder / "config.json", problem_type="multi_label_classification")
    with pytest.raises(ConfigurationError, match="multi_label_classification"):
        Checkpoint.open(str(folder))


def test_labels_of_one_name_are_refused(folder: Path) -> None:
    """Two labels of the same name are refused: they would share a column of probabilities."""
    names = json.loads((folder / "config.json").read_text("utf-8"))["id2label"]
    edit_json(folder / "config.json", id2label=names | {"1": names["0"]})
    with pytest.raises(ConfigurationError, match=r"config\.json has two labels called"):
        Checkpoint.open(str(folder))


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """A checkpoint that lacks a file is refused, and the file is named."""
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=name):
        Checkpoint.open(str(folder))


def test_damaged_weights_are_refused(folder: Path) -> None:
    """A safetensors file that was cut short gives one clear error."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigurationError, match="cannot load the checkpoint"):
        Oracle(Checkpoint.open(str(folder)))


@pytest.mark.parametrize("change", [{"hidden_size": "32"}, {"vocab_size": 2**50}, {"hidden_act": "surprise"}])
def test_a_configuration_that_makes_no_model_is_refused(folder: Path, change: dict[str, Any]) -> None:
    """Settings of the wrong type or size give one clear error, whatever they make the library do."""
    edit_json(folder / "config.json", **change)
    with pytest.raises(ConfigurationError, match="cannot load the checkpoint"):
        Oracle(Checkpoint.open(str(folder)))


def test_a_model_without_a_classifier_is_refused(folder: Path) -> None:
    """A base model, whose classifier transformers would fill with random numbers, is not exported."""
    path = folder / "model.safetensors"
    weights = {name: value for name, value in load_file(path).items() if not name.startswith("classifier")}
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match=r"not a fine-tuned classifier: it lacks classifier\.bias"):
        Oracle(Checkpoint.open(str(folder)))


def test_a_model_of_another_kind_is_refused(folder: Path) -> None:
    """A model that labels tokens is refused, even with all the weights that a classifier has."""
    edit_json(folder / "config.json", architectures=["BertForTokenClassification"])
    with pytest.raises(ConfigurationError, match=r"config\.json is that of a BertForTokenClassification: only a "):
        Checkpoint.open(str(folder))


def test_a_model_that_cannot_be_traced_is_refused(tmp_path: Path) -> None:
    """What optimum cannot trace, such as a BERT with one segment, ends in one clear line."""

    def leave_one_segment(model: Any) -> None:
        model.config.type_vocab_size = 1
        model.bert.embeddings.token_type_embeddings = torch.nn.Embedding(1, model.config.hidden_size)

    checkpoint = write_checkpoint(tmp_path / "checkpoint", change=leave_one_segment)
    with pytest.raises(ConfigurationError, match="optimum makes no graph of this checkpoint: index out of range"):
        export_bundle(ExportOptions(str(checkpoint), tmp_path / "bundle", Quantization.NONE), {})


def test_a_token_without_an_embedding_is_refused(folder: Path) -> None:
    """A tokenizer with more tokens than the model has embeddings is refused, with one of them."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([f"word{i}" for i in range(1200)])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ConfigurationError, match="has 1200 embeddings, but its tokenizer gives 'word1199' the id "):
        Oracle(Checkpoint.open(str(folder)))


def test_tokenizer_files_that_differ_are_refused(folder: Path) -> None:
    """A tokenizer.json that transformers would change, as tokenizer_config.json says, is refused with a text."""
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}', "utf-8")
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json gives 'A GREAT film' other tokens"):
        Oracle(Checkpoint.open(str(folder)))


def test_tokens_that_only_transformers_knows_are_refused(folder: Path) -> None:
    """So is one that lacks a token which tokenizer_config.json adds."""
    (folder / "tokenizer_config.json").write_text('{"additional_special_tokens": ["<user>"]}', "utf-8")
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json gives 'a <user> film' other tokens"):
        Oracle(Checkpoint.open(str(folder)))


def test_texts_in_another_segment_are_refused(folder: Path) -> None:
    """A tokenizer that puts texts in the second segment is refused: graphs are given the first."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS]:1 $A:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json gives 'A GREAT film' a type_id that is not 0"):
        Oracle(Checkpoint.open(str(folder)))


@pytest.mark.parametrize(("limit", "expected"), [(64, 64), (10**30, POSITIONS), (10_000, POSITIONS)])
def test_max_tokens_is_the_least_limit(folder: Path, limit: int, expected: int) -> None:
    """The lower of the model's and the tokenizer's limits holds."""
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": limit}), "utf-8")
    assert Checkpoint.open(str(folder)).max_tokens == expected


def test_the_hash_covers_the_weights(folder: Path) -> None:
    """A changed weight changes the checkpoint's hash."""
    before = Checkpoint.open(str(folder)).sha256
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert Checkpoint.open(str(folder)).sha256 != before
