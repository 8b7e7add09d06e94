"""A base checkpoint by its hub id, from a server that speaks the hub's file protocol."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.process import Command, error_line
from hub_server import COMMIT, REPOSITORY, hub_environment, hub_server


@pytest.fixture
def hub(base: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which the hub is here, with an empty cache."""
    with hub_server("models", {file.name: file.read_bytes() for file in base.iterdir()}) as (_, server):
        yield hub_environment(server, tmp_path / "hub cache")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [f"the film {i},{i % 5}" for i in range(60)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n", "utf-8")
    return path


def test_base_from_the_hub(command: Command, hub: dict[str, str], data: Path) -> None:
    """A hub id downloads configuration, tokenizer and safetensors, and trains on them."""
    options = ("--base", REPOSITORY, "--epochs", "1", "--output", "ckpt")
    result = command("train", "--data", data, *options, environment=hub)
    assert (result.code, result.stdout) == (0, ""), result.stderr
    assert json.loads((command.folder / "ckpt/config.json").read_text("utf-8"))["hidden_size"] == 32
    snapshot = command.folder / f"hub cache/hub/models--owner--tiny/snapshots/{COMMIT}"
    assert (snapshot / "model.safetensors").is_file()


def test_unknown_repository(command: Command, hub: dict[str, str], data: Path) -> None:
    """An id that the hub does not know is told in one line."""
    result = command("train", "--data", data, "--base", "owner/nothing", "--output", "ckpt", environment=hub)
    assert result.code == 78
    message = error_line(result)
    assert message.startswith("cannot load the base checkpoint 'owner/nothing': ")
    assert "\\n" not in message
    assert not (command.folder / "ckpt").exists()
