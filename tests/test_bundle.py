"""Model folders: what is accepted, what is refused."""

from pathlib import Path

import onnx
import pytest
from support import edit_json
from tiny_graph import MAX_TOKENS, POLARITIES, save_graph

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import MANIFEST, Description, Quantization, write_manifest


def test_default_model(default_model: Path) -> None:
    """The package carries a complete int8 model with five ordered labels."""
    loaded = ModelBundle.load(default_model)
    assert (loaded.labels, loaded.polarities, loaded.max_tokens) == (FIVE_CLASSES, POLARITIES, 512)
    assert loaded.graph.name == "model_quantized.onnx"


def test_identity(bundle: Path) -> None:
    """The identifying hash changes if, and only if, the manifest changes."""
    before = ModelBundle.load(bundle).sha256
    assert ModelBundle.load(bundle).sha256 == before
    edit_json(bundle / MANIFEST, max_tokens=16)
    assert ModelBundle.load(bundle).sha256 != before


# To the graph, a field that ONNX does not have.
@pytest.mark.parametrize(
    ("name", "more"), [("model.onnx", b"\x58\x01"), ("tokenizer.json", b" "), ("config.json", b" ")]
)
def test_identity_without_manifest(model_folder: Path, name: str, more: bytes) -> None:
    """Without a manifest, the files themselves determine the identifying hash."""
    before = ModelBundle.load(model_folder).sha256
    (model_folder / name).write_bytes((model_folder / name).read_bytes() + more)
    assert ModelBundle.load(model_folder).sha256 != before


@pytest.mark.parametrize("names", [("a", "a", "b", "c", "d"), ("so so", "good", "bad", "so_so", "none")])
def test_labels_of_one_name(model_folder: Path, names: tuple[str, ...]) -> None:
    """Labels that would share a column are refused, with a manifest and without."""
    edit_json(model_folder / "config.json", id2label=dict(enumerate(names)))
    with pytest.raises(ConfigurationError, match=rf"config\.json has two labels called '{names[0]}': give each a name"):
        ModelBundle.load(model_folder)
    write_manifest(model_folder, Description(names, None, 20, Quantization.NONE, 17))
    with pytest.raises(ConfigurationError, match=rf"bundle\.json has two labels called '{names[0]}': give each a name"):
        ModelBundle.load(model_folder)


@pytest.mark.parametrize(
    "graph",
    [
        "model.onnx",
        "onnx/model.onnx",
        "model_quantized.onnx",
        "onnx/model_quantized.onnx",
        "onnx/model_qint8_avx512_vnni.onnx",
    ],
)
def test_layouts_without_manifest(model_folder: Path, graph: str) -> None:
    """Folders in the layouts of the Hugging Face hub load without a manifest."""
    (model_folder / graph).parent.mkdir(exist_ok=True)
    (model_folder / "model.onnx").rename(model_folder / graph)
    loaded = ModelBundle.load(model_folder)
    assert loaded.graph == model_folder / graph
    assert (loaded.labels, loaded.polarities, loaded.max_tokens) == (FIVE_CLASSES, POLARITIES, MAX_TOKENS)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_float_and_int8(model_folder: Path, with_manifest: bool) -> None:
    """If both graphs are present, int8 is used unless the float one is asked for."""
    save_graph(model_folder / "model_quantized.onnx")
    if with_manifest:
        write_manifest(model_folder, Description(FIVE_CLASSES, POLARITIES, 20, Quantization.PER_ROW, 17))
    assert ModelBundle.load(model_folder).graph.name == "model_quantized.onnx"
    assert ModelBundle.load(model_folder, only_float=True).graph.name == "model.onnx"


@pytest.mark.parametrize("with_manifest", [True, False])
@pytest.mark.parametrize("names", [("model.onnx", "onnx/model.onnx"), ("model_int8.onnx", "model_quantized.onnx")])
def test_two_candidates(model_folder: Path, names: tuple[str, str], with_manifest: bool) -> None:
    """Two graphs for the same purpose are an error that names both, never a guess."""
    (model_folder / "onnx").mkdir()
    for name in names:
        save_graph(model_folder / name)
    if with_manifest:
        write_manifest(model_folder, Description(FIVE_CLASSES, POLARITIES, 20, Quantization.NONE, 17))
    with pytest.raises(ConfigurationError, match=f"several graphs for the same purpose: {names[0]} and {names[1]}"):
        ModelBundle.load(model_folder)


@pytest.mark.parametrize("only_float", [True, False])
def test_no_graph(model_folder: Path, only_float: bool) -> None:
    """A folder without any graph says so."""
    (model_folder / "model.onnx").unlink()
    with pytest.raises(ConfigurationError, match="no ONNX graph"):
        ModelBundle.load(model_folder, only_float=only_float)


@pytest.mark.parametrize("name", ["model_quantized.onnx", "onnx/model_qint8_avx512_vnni.onnx"])
def test_int8_is_not_for_gpus(model_folder: Path, name: str) -> None:
    """For a folder with only int8 graphs, the error says how to make one for a GPU."""
    (model_folder / name).parent.mkdir(exist_ok=True)
    (model_folder / "model.onnx").rename(model_folder / name)
    with pytest.raises(ConfigurationError, match=r"int8 graphs only.* `sentiment-batch export --precision fp16`"):
        ModelBundle.load(model_folder, only_float=True)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that does not exist is named."""
    with pytest.raises(ConfigurationError, match=r"no model folder at .*missing"):
        ModelBundle.load(tmp_path / "missing")


def test_checkpoint(model_folder: Path) -> None:
    """A checkpoint is recognized, and the error says how to export it."""
    (model_folder / "model.onnx").rename(model_folder / "model.safetensors")
    with pytest.raises(ConfigurationError, match="is a checkpoint: run `sentiment-batch export --checkpoint"):
        ModelBundle.load(model_folder)


def test_checkpoint_beside_a_graph(model_folder: Path) -> None:
    """Where the hub has both, the graph is what is run."""
    (model_folder / "model.safetensors").touch()
    assert ModelBundle.load(model_folder).graph == model_folder / "model.onnx"


def test_lost_manifest(model_folder: Path, default_model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A bundle that has lost its manifest, as its card tells, is not scored without its temperature."""
    bundle = tmp_path_factory.mktemp("bundle")
    for path in default_model.iterdir():
        if path.name != MANIFEST:
            (bundle / path.name).symlink_to(path)
    with pytest.raises(ConfigurationError, match=r"is a bundle without its bundle\.json: copy or export the bundle"):
        ModelBundle.load(bundle)
    (model_folder / "README.md").write_text("---\ntags:\n- onnx\n---\n", "utf-8")
    assert ModelBundle.load(model_folder).labels == FIVE_CLASSES
    (model_folder / MANIFEST).mkdir()
    with pytest.raises(ConfigurationError, match=r"is a bundle without its bundle\.json"):
        ModelBundle.load(model_folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_incomplete_folder(model_folder: Path, name: str) -> None:
    """Without a manifest, tokenizer and config are still required."""
    (model_folder / name).unlink()
    with pytest.raises(ConfigurationError, match=f"has no {name}"):
        ModelBundle.load(model_folder)


def test_external_data_is_never_read(model_folder: Path) -> None:
    """A graph that refers to another file is refused before the runtime opens it."""
    graph = onnx.load(model_folder / "model.onnx")
    onnx.save(graph, model_folder / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ConfigurationError, match="external data"):
        ModelBundle.load(model_folder)
