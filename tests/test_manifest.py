"""A manifest is loaded as written, and refused if its folder does not match it."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import edit_json
from tiny_graph import POLARITIES

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import MANIFEST, Description, Quantization, read_manifest, write_manifest
from sentiment_batch.temperature import Temperature


def test_round_trip(model_folder: Path) -> None:
    """Loading a manifest gives what was written into it."""
    stages = [{"base": "x", "train_sha256": {"shop": "1", "cinema": "2"}}, {"base": "y", "train_sha256": {"shop": "3"}}]
    origin, measured = {"checkpoint": "abc", "training": stages}, {"accuracy": 0.5}
    write_manifest(model_folder, Description(FIVE_CLASSES, POLARITIES, 20, Quantization.PER_ROW, 17, origin, measured))
    loaded = ModelBundle.load(model_folder)
    assert (loaded.labels, loaded.polarities, loaded.max_tokens) == (FIVE_CLASSES, POLARITIES, 20)
    assert (loaded.graph, loaded.tokenizer) == (model_folder / "model.onnx", model_folder / "tokenizer.json")
    assert loaded.trained_on == {"1", "2", "3"}
    assert json.loads((model_folder / MANIFEST).read_text("utf-8"))["origin"] == origin
    manifest = read_manifest(model_folder)
    assert manifest["measured"] == measured
    assert (manifest["quantization"], manifest["precision"]) == ("per-row", "fp32")


def test_temperature(model_folder: Path) -> None:
    """A temperature comes back as written; a manifest that has lost it is refused."""
    fitted = Temperature((4, 24), (1.5, 0.9), ("dev",))
    write_manifest(model_folder, Description(FIVE_CLASSES, POLARITIES, 20, Quantization.NONE, 17, temperature=fitted))
    assert ModelBundle.load(model_folder).temperature == fitted
    edit_json(model_folder / MANIFEST, lambda manifest: manifest.pop("temperature"))
    with pytest.raises(ConfigurationError, match=r"bundle\.json is not a bundle manifest .*temperature"):
        ModelBundle.load(model_folder)


@pytest.mark.parametrize("name", ["tokens", "values", "fitted_on", None])
@pytest.mark.parametrize("value", [None, "warm", [0], ["warm"]])
def test_temperature_that_is_none(bundle: Path, name: str | None, value: object) -> None:
    """A temperature that cannot be applied is refused, not ignored."""
    if (name, value) == ("fitted_on", ["warm"]):
        pytest.skip("the name of a sample")

    def spoil(manifest: dict[str, Any]) -> None:
        if name is None:
            manifest["temperature"] = value
        else:
            manifest["temperature"][name] = value

    edit_json(bundle / MANIFEST, spoil)
    with pytest.raises(ConfigurationError, match=r"bundle\.json is not a bundle manifest"):
        ModelBundle.load(bundle)


def test_labels_without_order(model_folder: Path) -> None:
    """A bundle whose labels have no order loads without polarities."""
    write_manifest(model_folder, Description(FIVE_CLASSES, None, 20, Quantization.NONE, 17))
    assert ModelBundle.load(model_folder).polarities is None


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_missing_file(bundle: Path, name: str) -> None:
    """A file that is in the manifest but not in the folder is named."""
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
    """A listed file that is a symbolic link is refused, even if the content is right."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "model.onnx"
    (bundle / "model.onnx").rename(elsewhere)
    (bundle / "model.onnx").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="not a plain file of the bundle"):
        ModelBundle.load(bundle)


def test_link_to_a_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A listed file in a linked folder is refused, too."""
    (model_folder / "onnx").mkdir()
    (model_folder / "model.onnx").rename(model_folder / "onnx/model.onnx")
    write_manifest(model_folder, Description(FIVE_CLASSES, POLARITIES, 20, Quantization.NONE, 17))
    assert ModelBundle.load(model_folder).graph == model_folder / "onnx/model.onnx"
    elsewhere = (model_folder / "onnx").rename(tmp_path_factory.mktemp("elsewhere") / "onnx")
    (model_folder / "onnx").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="not a plain file of the bundle"):
        ModelBundle.load(model_folder)


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
def test_other_schema_version(bundle: Path, version: object) -> None:
    """A manifest of another schema version is refused, naming the version that can be read."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest.update(schema_version=version))
    with pytest.raises(ConfigurationError, match=r"bundle manifest of schema version 1: .*schema_version"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"text"', "\x00", "[" * 100_000])
def test_not_a_manifest(bundle: Path, content: str) -> None:
    """A bundle.json that is not a manifest is named."""
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
        ("labels", [{"name": "all", "polarity": 0}]),
        *(("max_tokens", value) for value in ("many", 0, -5, 10**9, 1e9, 2.9, True, float("inf"))),
    ],
)
def test_manifest_of_another_shape(bundle: Path, key: str, value: object) -> None:
    """A manifest with the right keys but values of another shape, or out of range, is named, too."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest.update({key: value}))
    with pytest.raises(ConfigurationError, match=r"bundle\.json is not a bundle manifest"):
        ModelBundle.load(bundle)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("polarity", value) for value in (5, -1.5, 1e308, "0.5", True, float("nan"))),
        *(("name", value) for value in ("", None, 3, ["negative"])),
    ],
)
def test_label_that_is_none(bundle: Path, key: str, value: object) -> None:
    """A label has a name, and a polarity from -1 to 1 or none."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest["labels"][0].update({key: value}))
    with pytest.raises(ConfigurationError, match=r"bundle\.json is not a bundle manifest"):
        ModelBundle.load(bundle)


def test_manifest_without_tokenizer(bundle: Path) -> None:
    """A tokenizer that the manifest does not list is not used."""
    edit_json(bundle / MANIFEST, lambda manifest: manifest["files"].pop("tokenizer.json"))
    with pytest.raises(ConfigurationError, match=r"lists no tokenizer\.json"):
        ModelBundle.load(bundle)
