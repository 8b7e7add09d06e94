"""Model folders: what is accepted, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from tiny_graph import LABELS, MAX_TOKENS, save_bundle, save_graph, save_model

from sentiment_batch.bundle import (
    MANIFEST,
    Description,
    ModelBundle,
    Quantization,
    read_config,
    read_manifest,
    write_manifest,
)
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.temperature import Temperature

POLARITIES = (-1.0, -0.5, 0.0, 0.5, 1.0)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    save_bundle(tmp_path)
    return tmp_path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_model(tmp_path)
    return tmp_path


def edit_json(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), "utf-8")


def test_round_trip(model: Path) -> None:
    """What is written into a manifest is what loading it gives."""
    origin, measured = {"checkpoint": "abc"}, {"accuracy": 0.5}
    write_manifest(model, Description(LABELS, POLARITIES, 20, Quantization.PER_ROW, 17, origin, measured))
    loaded = ModelBundle.load(model)
    assert (loaded.labels, loaded.polarities, loaded.max_tokens) == (LABELS, POLARITIES, 20)
    assert (loaded.graph, loaded.tokenizer) == (model / "model.onnx", model / "tokenizer.json")
    manifest = read_manifest(model)
    assert (manifest["origin"], manifest["measured"]) == (origin, measured)
    assert (manifest["quantization"], manifest["precision"]) == ("per-row", "fp32")


def test_temperature(model: Path) -> None:
    """A temperature comes back as it was written; a manifest without one, of an older export, means 1."""
    fitted = Temperature((4, 24), (1.5, 0.9), ("dev",))
    write_manifest(model, Description(LABELS, POLARITIES, 20, Quantization.NONE, 17, temperature=fitted))
    assert ModelBundle.load(model).temperature == fitted
    edit_json(model / MANIFEST, lambda manifest: manifest.pop("temperature"))
    assert ModelBundle.load(model).temperature == Temperature((1,), (1.0,))


@pytest.mark.parametrize("name", ["tokens", "values", "fitted_on", None])
@pytest.mark.parametrize("value", [None, "warm", [0], ["warm"]])
def test_temperature_that_is_none(bundle: Path, name: str | None, value: object) -> None:
    """A temperature that cannot be applied is refused, not ignored."""
    if (name, value) in (("fitted_on", "warm"), ("fitted_on", [0]), ("fitted_on", ["warm"])):
        pytest.skip("names of samples are not read")

    def spoil(manifest: dict[str, Any]) -> None:
        if name is None:
            manifest["temperature"] = value
        else:
            manifest["temperature"][name] = value

    edit_json(bundle / MANIFEST, spoil)
    with pytest.raises(ConfigurationError, match=r"bundle\.json is not a bundle manifest"):
        ModelBundle.load(bundle)


def test_labels_without_order(model: Path) -> None:
    """A bundle whose labels have no order loads without polarities."""
    write_manifest(model, Description(LABELS, None, 20, Quantization.NONE, 17))
    assert ModelBundle.load(model).polarities is None


def test_default_model(default_model: Path) -> None:
    """The package carries a complete int8 model with five ordered labels."""
    loaded = ModelBundle.load(default_model)
    assert (loaded.labels, loaded.polarities, loaded.quantized) == (LABELS, POLARITIES, True)
    assert loaded.max_tokens == 512


def test_identity(bundle: Path) -> None:
    """The identifying hash changes with what the manifest says, and only then."""
    before = ModelBundle.load(bundle).sha256
    assert ModelBundle.load(bundle).sha256 == before
    edit_json(bundle / MANIFEST, lambda manifest: manifest.update(max_tokens=16))
    assert ModelBundle.load(bundle).sha256 != before


# To the graph, a field that ONNX does not have.
@pytest.mark.parametrize(("name", "more"), [("model.onnx", b"\x58\x01"), ("config.json", b" ")])
def test_identity_without_manifest(model: Path, name: str, more: bytes) -> None:
    """Without a manifest the files themselves make the identifying hash."""
    before = ModelBundle.load(model).sha256
    (model / name).write_bytes((model / name).read_bytes() + more)
    assert ModelBundle.load(model).sha256 != before


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_missing_file(bundle: Path, name: str) -> None:
    """A file that the manifest lists and the folder lacks is named."""
    (bundle / name).unlink()
    with pytest.raises(ConfigurationError, match=f"lacks {name}"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_altered_file(bundle: Path, name: str) -> None:
    """A file of the right size with one bit flipped is refused."""
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"{name} is not the file that was exported"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize("name", ["../model.onnx", "a/../../model.onnx", "a/../model.onnx", "/etc/hostname"])
def test_path_out_of_the_folder(bundle: Path, name: str) -> None:
    """A manifest cannot name files outside of its folder."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest["files"].update({name: {"sha256": "", "bytes": 0}}))
    with pytest.raises(ConfigurationError, match="not a plain file of the bundle"):
        ModelBundle.load(bundle)


def test_link_out_of_the_folder(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A listed file that is a symbolic link is refused, even to the right content."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "model.onnx"
    (bundle / "model.onnx").rename(elsewhere)
    (bundle / "model.onnx").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="not a plain file of the bundle"):
        ModelBundle.load(bundle)


def test_link_to_a_folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nor does a listed file stand in a folder that is a link."""
    (model / "onnx").mkdir()
    (model / "model.onnx").rename(model / "onnx/model.onnx")
    write_manifest(model, Description(LABELS, POLARITIES, 20, Quantization.NONE, 17))
    assert ModelBundle.load(model).graph == model / "onnx/model.onnx"
    elsewhere = (model / "onnx").rename(tmp_path_factory.mktemp("elsewhere") / "onnx")
    (model / "onnx").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="not a plain file of the bundle"):
        ModelBundle.load(model)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_schema_version(bundle: Path, version: object) -> None:
    """A manifest of another schema version is refused, with the version that is read."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest.update(schema_version=version))
    with pytest.raises(ConfigurationError, match="this version reads 1"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"text"', "\x00", "[" * 100_000])
def test_not_a_manifest(bundle: Path, content: str) -> None:
    """A bundle.json that is no manifest is named."""
    (bundle / MANIFEST).write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match=r"bundle\.json is not a bundle manifest"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("files", []),
        ("files", {"config.json": {}}),
        ("files", {"\x00": {}}),
        ("labels", ["negative", "positive"]),
        ("labels", {}),
        ("labels", [{"name": "negative", "polarity": "low"}]),
        ("max_tokens", "many"),
        ("max_tokens", float("inf")),
    ],
)
def test_manifest_of_another_shape(bundle: Path, key: str, value: object) -> None:
    """A manifest with the right keys and values of another shape is named too."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest.update({key: value}))
    with pytest.raises(ConfigurationError, match=r"bundle\.json"):
        ModelBundle.load(bundle)


def test_manifest_without_tokenizer(bundle: Path) -> None:
    """A tokenizer that the manifest does not vouch for is not used."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest["files"].pop("tokenizer.json"))
    with pytest.raises(ConfigurationError, match=r"lists no tokenizer\.json"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize("names", [("a", "a", "b", "c", "d"), ("so so", "good", "bad", "so_so", "none")])
def test_labels_of_one_name(model: Path, names: tuple[str, ...]) -> None:
    """Labels that would share a column are refused, with a manifest and without."""
    edit_json(model / "config.json", lambda config: config.update(id2label=dict(enumerate(names))))
    with pytest.raises(ConfigurationError, match=rf"config\.json has two labels called '{names[0]}': give each a name"):
        ModelBundle.load(model)
    write_manifest(model, Description(names, None, 20, Quantization.NONE, 17))
    with pytest.raises(ConfigurationError, match=rf"bundle\.json has two labels called '{names[0]}': give each a name"):
        ModelBundle.load(model)


@pytest.mark.parametrize(
    ("graph", "quantized"),
    [
        ("model.onnx", False),
        ("onnx/model.onnx", False),
        ("model_quantized.onnx", True),
        ("onnx/model_quantized.onnx", True),
        ("onnx/model_qint8_avx512_vnni.onnx", True),
    ],
)
def test_layouts_without_manifest(model: Path, graph: str, quantized: bool) -> None:
    """Folders in the layouts of the Hugging Face hub load without a manifest."""
    (model / graph).parent.mkdir(exist_ok=True)
    (model / "model.onnx").rename(model / graph)
    loaded = ModelBundle.load(model)
    assert (loaded.graph, loaded.quantized) == (model / graph, quantized)
    assert (loaded.labels, loaded.polarities, loaded.max_tokens) == (LABELS, POLARITIES, MAX_TOKENS)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_float_and_int8(model: Path, with_manifest: bool) -> None:
    """Where both graphs are there, int8 is taken unless the float one is asked for."""
    save_graph(model / "model_quantized.onnx")
    if with_manifest:
        write_manifest(model, Description(LABELS, POLARITIES, 20, Quantization.PER_ROW, 17))
    assert ModelBundle.load(model).graph.name == "model_quantized.onnx"
    assert ModelBundle.load(model, quantized=False).graph.name == "model.onnx"


@pytest.mark.parametrize("with_manifest", [True, False])
@pytest.mark.parametrize("names", [("model.onnx", "onnx/model.onnx"), ("model_int8.onnx", "model_quantized.onnx")])
def test_two_candidates(model: Path, names: tuple[str, str], with_manifest: bool) -> None:
    """Two graphs for the same job are an error that names both, never a guess."""
    (model / "onnx").mkdir()
    for name in names:
        save_graph(model / name)
    if with_manifest:
        write_manifest(model, Description(LABELS, POLARITIES, 20, Quantization.NONE, 17))
    with pytest.raises(ConfigurationError, match=f"several graphs for the same job: {names[0]} and {names[1]}"):
        ModelBundle.load(model)


@pytest.mark.parametrize(
    ("quantized", "message"), [(None, "no ONNX graph"), (True, "no int8 ONNX graph"), (False, "no float ONNX graph")]
)
def test_no_graph(model: Path, quantized: bool | None, message: str) -> None:
    """A folder without the graph that is asked for says which one it lacks."""
    (model / "model.onnx").unlink()
    with pytest.raises(ConfigurationError, match=message):
        ModelBundle.load(model, quantized=quantized)


def test_int8_is_not_for_gpus(default_model: Path) -> None:
    """A folder without a float graph says how to make one for a GPU."""
    with pytest.raises(ConfigurationError, match=r"int8 graphs only.* `sentiment-batch export --precision fp16`"):
        ModelBundle.load(default_model, quantized=False)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(ConfigurationError, match=r"no model folder at .*missing"):
        ModelBundle.load(tmp_path / "missing")


def test_checkpoint(model: Path) -> None:
    """A checkpoint is recognized, and the message says how to export it."""
    (model / "model.onnx").rename(model / "model.safetensors")
    with pytest.raises(ConfigurationError, match="is a checkpoint: run `sentiment-batch export --checkpoint"):
        ModelBundle.load(model)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_incomplete_folder(model: Path, name: str) -> None:
    """Without a manifest the tokenizer and the config are needed all the same."""
    (model / name).unlink()
    with pytest.raises(ConfigurationError, match=f"has no {name}"):
        ModelBundle.load(model)


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "camembert"])
def test_roberta_positions(model: Path, model_type: str) -> None:
    """RoBERTa's positions begin behind its padding id: of 514 it can use 512."""
    edit_json(
        model / "config.json",
        lambda config: config.update(model_type=model_type, max_position_embeddings=514, pad_token_id=1),
    )
    assert read_config(model / "config.json") == (LABELS, 512)


def test_label_order(model: Path) -> None:
    """Labels come in the order of the outputs, not of the config's keys."""
    edit_json(model / "config.json", lambda config: config.update(id2label={"1": "b", "0": "a"}))
    assert read_config(model / "config.json")[0] == ("a", "b")


@pytest.mark.parametrize(
    "change",
    [
        {"id2label": None},
        {"id2label": {"0": "a", "2": "c"}},
        {"max_position_embeddings": None},
        {"model_type": "roberta", "pad_token_id": None},
        {"max_position_embeddings": float("inf")},
    ],
)
def test_not_a_classifier(model: Path, change: dict[str, Any]) -> None:
    """A config that does not describe a classifier is named."""
    edit_json(model / "config.json", lambda config: config.update(change))
    with pytest.raises(ConfigurationError, match=r"config\.json is not a sequence classifier's config"):
        ModelBundle.load(model)


def test_external_data_is_never_read(model: Path) -> None:
    """A graph that names another file is refused before the runtime opens it."""
    graph = onnx.load(model / "model.onnx")
    onnx.save(graph, model / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ConfigurationError, match="external data"):
        ModelBundle.load(model)
