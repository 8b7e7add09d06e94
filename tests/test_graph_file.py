"""ONNX files that are never opened: those that refer to other files, hold sparse tensors, or are damaged.

CVE-2022-25882, CVE-2024-27318, CVE-2025-51480 and CVE-2026-27489 reach other files through their names.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tiny_graph import external

from sentiment_batch.errors import ConfigurationError, UsageError
from sentiment_batch.graph_file import require_self_contained

WEIGHTS = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "weights")


def graph(tensor: onnx.TensorProto = WEIGHTS) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Identity", ["weights"], ["y"])], "g", [], [], [tensor])


def in_a_constant(tensor: onnx.TensorProto) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Constant", [], ["y"], value=tensor)], "g", [], [])


def in_a_branch(tensor: onnx.TensorProto) -> onnx.GraphProto:
    branch = graph(tensor)
    return helper.make_graph(
        [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)], "g", [], []
    )


def in_a_list(tensor: onnx.TensorProto) -> onnx.GraphProto:
    node = helper.make_node("Custom", [], ["y"])
    node.attribute.append(helper.make_attribute("values", [tensor, tensor]))
    return helper.make_graph([node], "g", [], [])


def save(path: Path, main: onnx.GraphProto) -> Path:
    path.write_bytes(helper.make_model(main).SerializeToString())
    return path


@pytest.mark.parametrize("place", [graph, in_a_constant, in_a_branch, in_a_list])
def test_self_contained(tmp_path: Path, place: Callable[[onnx.TensorProto], onnx.GraphProto]) -> None:
    """A graph that holds its own tensors is accepted, wherever they are."""
    require_self_contained(save(tmp_path / "model.onnx", place(WEIGHTS)))


@pytest.mark.parametrize("place", [graph, in_a_constant, in_a_branch, in_a_list])
@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "weights.bin"])
def test_external_data(tmp_path: Path, place: Callable[[onnx.TensorProto], onnx.GraphProto], location: str) -> None:
    """A tensor in another file is refused, wherever the tensor and the file are."""
    with pytest.raises(ConfigurationError, match=r"refers to another file \(external data\)"):
        require_self_contained(save(tmp_path / "model.onnx", place(external(WEIGHTS, location))))


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_linked_external_data(tmp_path: Path, link: str) -> None:
    """A file beside the model that is a link to another one is not read either."""
    (tmp_path / "secret").write_bytes(WEIGHTS.raw_data)
    (tmp_path / "model").mkdir()
    getattr(tmp_path / "model/weights.bin", link)(tmp_path / "secret")
    with pytest.raises(ConfigurationError, match=r"refers to another file \(external data\)"):
        require_self_contained(save(tmp_path / "model/model.onnx", graph(external(WEIGHTS, "weights.bin"))))


def test_external_data_in_a_function(tmp_path: Path) -> None:
    """A model's own functions are checked, too."""
    model = helper.make_model(graph())
    function = helper.make_function("own", "F", [], ["y"], in_a_constant(external(WEIGHTS, "x")).node, [])
    model.functions.append(function)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigurationError, match="external data"):
        require_self_contained(tmp_path / "model.onnx")


def test_external_data_in_a_default_of_a_function(tmp_path: Path) -> None:
    """So are the values that a function's attributes take where a node gives none."""
    model = helper.make_model(graph())
    default = helper.make_attribute("value", external(WEIGHTS, "x"))
    model.functions.append(helper.make_function("own", "F", [], ["y"], [], [], attribute_protos=[default]))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ConfigurationError, match="external data"):
        require_self_contained(tmp_path / "model.onnx")


def test_field_number_with_more_bits_than_fit(tmp_path: Path) -> None:
    """A field whose number is another one once it is cut to 32 bits is refused: the two would be read differently."""
    initializer = (5 << 3 | 2) + 2**32
    tag = bytes([initializer & 0x7F | 0x80, 0x80, 0x80, 0x80, initializer >> 28])
    content = external(WEIGHTS, "x").SerializeToString()
    main = helper.make_graph([], "g", [], []).SerializeToString() + tag + bytes([len(content)]) + content
    (tmp_path / "model.onnx").write_bytes(bytes([7 << 3 | 2, len(main)]) + main)
    with pytest.raises(ConfigurationError, match="damaged"):
        require_self_contained(tmp_path / "model.onnx")


def test_sparse_tensor(tmp_path: Path) -> None:
    """Sparse tensors are refused."""
    main = graph()
    main.sparse_initializer.append(helper.make_sparse_tensor(WEIGHTS, WEIGHTS, [9]))
    with pytest.raises(ConfigurationError, match="sparse tensor"):
        require_self_contained(save(tmp_path / "model.onnx", main))


def test_negative_length(tmp_path: Path) -> None:
    """A tensor of negative length is refused."""
    tensor = onnx.TensorProto(data_type=TensorProto.FLOAT, dims=[2, -3], name="weights")
    with pytest.raises(ConfigurationError, match="negative length"):
        require_self_contained(save(tmp_path / "model.onnx", graph(tensor)))


def test_deep_nesting(tmp_path: Path) -> None:
    """Branches nested too deeply are refused."""
    main = graph()
    for _ in range(25):
        main = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=main)], "g", [], [])
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        require_self_contained(save(tmp_path / "model.onnx", main))


@pytest.mark.parametrize("size", [2**31, 2**40])
def test_too_large(tmp_path: Path, size: int) -> None:
    """A file larger than a graph can be is refused by its size, unread."""
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(size)
    with pytest.raises(ConfigurationError, match=f"has {size:,} bytes: an ONNX graph has up to 2,147,483,647"):
        require_self_contained(tmp_path / "model.onnx")


def test_cut_short(tmp_path: Path) -> None:
    """A graph that ends within a field is refused, and so is an empty file."""
    path = save(tmp_path / "model.onnx", graph())
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(ConfigurationError, match="cut short"):
        require_self_contained(path)
    path.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="has 0 bytes"):
        require_self_contained(path)


@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any bytes in a file are accepted or refused; nothing else happens."""
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    with suppress(ConfigurationError):
        require_self_contained(path)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    """A name that ONNX Runtime cannot take is refused in one line."""
    path = tmp_path / "model\udcff.onnx"
    path.touch()
    with pytest.raises(UsageError, match="the name is not UTF-8: rename it"):
        require_self_contained(path)
