"""Checkpoints that no library is allowed to open.

CVE-2025-32434 and CVE-2026-24747 run code from pickled weights, CVE-2026-4372 through an attention setting.
"""

from pathlib import Path
from typing import Any

import pytest
from support import edit_json
from tiny_models import write_checkpoint

from sentiment_batch.checkpoint import find_checkpoint
from sentiment_batch.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "checkpoint")


def test_plain_checkpoint(folder: Path) -> None:
    """What transformers writes may be opened, even with the attention settings that it knows itself."""
    edit_json(folder / "config.json", _attn_implementation_autoset=True, attn_implementation="sdpa")
    edit_json(folder / "config.json", _attn_implementation="eager")
    edit_json(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    assert find_checkpoint(str(folder)) == folder


@pytest.mark.parametrize("suffix", ["bin", "pt", "pth", "pkl"])
def test_pickled_weights(folder: Path, suffix: str) -> None:
    """Weights that can run code when opened are refused."""
    (folder / "model.safetensors").rename(folder / f"model.{suffix}")
    with pytest.raises(
        ConfigurationError, match=rf"needs weights in model\.safetensors; it has only model\.{suffix}, which can run"
    ):
        find_checkpoint(str(folder))


def test_weights_of_another_name(folder: Path) -> None:
    """What is no model's is not taken for one, such as an adapter's."""
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    with pytest.raises(ConfigurationError, match=r"needs weights in model\.safetensors; it has none"):
        find_checkpoint(str(folder))


@pytest.mark.parametrize("name", ["evil.bin", "../checkpoint/model.safetensors", "/etc/passwd", "missing.safetensors"])
def test_index_of_other_files(folder: Path, name: str) -> None:
    """An index of weights cannot smuggle in a pickle, or a file from elsewhere."""
    (folder / "evil.bin").touch()
    edit_json(folder / "model.safetensors.index.json", metadata={}, weight_map={"a": "model.safetensors", "b": name})
    with pytest.raises(ConfigurationError, match="names other files than"):
        find_checkpoint(str(folder))


@pytest.mark.parametrize("settings", [{}, {"weight_map": ["evil.bin"]}, {"weight_map": {"a": 7}}])
def test_index_of_another_shape(folder: Path, settings: dict[str, Any]) -> None:
    """A malformed index is refused, too."""
    edit_json(folder / "model.safetensors.index.json", **settings)
    with pytest.raises(ConfigurationError, match="names other files than"):
        find_checkpoint(str(folder))


def test_index_of_shards(folder: Path) -> None:
    """Weights in several files are accepted."""
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    edit_json(folder / "model.safetensors.index.json", weight_map={"a": "model-00001-of-00001.safetensors"})
    assert find_checkpoint(str(folder)) == folder


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_map", {"AutoModel": "modeling.Model"}),
        ("auto_map", None),
        ("_attn_implementation_internal", "owner/kernel"),
        ("_attn_implementation", {"": "owner/kernel"}),
        ("attn_implementation", "flash_attention_2"),
        ("quantization_config", {"quant_method": "awq"}),
        ("transformers_weights", "../../other.safetensors"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_settings_that_load_code(folder: Path, name: str, key: str, value: object, nested: bool) -> None:
    """A configuration that names code is refused, wherever in it the name is."""
    edit_json(folder / name, **({"text_config": [{key: value}]} if nested else {key: value}))
    with pytest.raises(ConfigurationError, match=f"{name} sets {key}, which loads custom code"):
        find_checkpoint(str(folder))


@pytest.mark.parametrize("model_type", ["surprise", "gpt2", ["bert"], None])
def test_unknown_model_types(folder: Path, model_type: object) -> None:
    """A model type that cannot be exported is refused, and the known ones are named."""
    edit_json(folder / "config.json", model_type=model_type)
    with pytest.raises(ConfigurationError, match=r"it must be one of albert, bert, "):
        find_checkpoint(str(folder))


def test_adapter(folder: Path) -> None:
    """An adapter, which names another checkpoint to load in place of this one, is refused."""
    edit_json(folder / "adapter_config.json", base_model_name_or_path="owner/other")
    with pytest.raises(ConfigurationError, match="adapter to another checkpoint: merge the two first"):
        find_checkpoint(str(folder))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_not_a_configuration(folder: Path, content: bytes) -> None:
    """A configuration that is not a JSON object is named, however it is damaged."""
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        find_checkpoint(str(folder))


def test_no_such_folder(tmp_path: Path) -> None:
    """A path that is no folder is not looked up on the hub."""
    with pytest.raises(ConfigurationError, match="no checkpoint folder at"):
        find_checkpoint(str(tmp_path / "nothing"))
