"""Checkpoints by their hub id, from a local server that speaks the hub's file protocol."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.process import Command, error_line
from hub_server import COMMIT, REPOSITORY, FolderFiles, hub_environment, hub_server
from local_server import LocalServer, nobody
from tiny_models import write_checkpoint
from transformers import AutoModelForSequenceClassification


@pytest.fixture
def repository(base: Path, tmp_path: Path) -> Path:
    """The files that the hub has under the one id it knows."""
    return shutil.copytree(base, tmp_path / "repository")


@pytest.fixture
def server(repository: Path) -> Iterator[LocalServer]:
    with hub_server("models", FolderFiles(repository)) as (_, server):
        yield server


@pytest.fixture
def hub(server: LocalServer, tmp_path: Path) -> dict[str, str]:
    """The environment that sends the client to the server here, with an empty cache."""
    return hub_environment(server, tmp_path / "hub cache")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [f"the film {i},{i % 5}" for i in range(60)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n", "utf-8")
    return path


def test_base_from_the_hub(
    command: Command, server: LocalServer, hub: dict[str, str], repository: Path, data: Path
) -> None:
    """With a hub id as base, configuration, tokenizer, safetensors and the record of earlier training are fetched."""
    (repository / "metrics.json").write_text('{"recipe": {"base": "first"}, "steps": 5}', "utf-8")
    options = ("--base", REPOSITORY, "--epochs", "1", "--output", "ckpt", "-q")
    result = command("train", "--data", data, *options, environment=hub)
    assert (result.code, result.stdout, result.stderr) == (0, "", "")
    assert json.loads((command.folder / "ckpt/config.json").read_text("utf-8"))["hidden_size"] == 32
    stages = json.loads((command.folder / "ckpt/metrics.json").read_text("utf-8"))["earlier_stages"]
    assert stages == [{"recipe": {"base": "first"}, "steps": 5}]
    snapshot = command.folder / f"hub cache/hub/models--owner--tiny/snapshots/{COMMIT}"
    assert (snapshot / "model.safetensors").is_file()
    assert _lookups(server) == 1


def test_checkpoint_from_the_hub(
    command: Command, server: LocalServer, hub: dict[str, str], repository: Path, data: Path
) -> None:
    """A checkpoint of the hub, here in shards, is looked up once: its labels are those that --data was read with."""
    shutil.rmtree(repository)
    model = AutoModelForSequenceClassification.from_pretrained(write_checkpoint(repository))
    (repository / "model.safetensors").unlink()
    model.save_pretrained(repository, max_shard_size="50KB")
    result = command("export", "--checkpoint", REPOSITORY, "--data", data, "-q", environment=hub)
    assert (result.code, result.stdout, result.stderr) == (0, "", "")
    assert _lookups(server) == 1


WORDS = [("train", "--data", "x.csv", "--base"), ("export", "--checkpoint")]


@pytest.mark.parametrize("words", WORDS)
def test_unknown_repository(command: Command, hub: dict[str, str], data: Path, words: tuple[str, ...]) -> None:
    """An id unknown to the hub is reported in one line."""
    result = command(*words, "owner/nothing", "--output", "out", environment=hub)
    assert result.code == 78
    assert error_line(result) == (
        "there is no folder owner/nothing, and it is not on the hub: if it is private, set HF_TOKEN"
    )
    assert not (command.folder / "out").exists()


@pytest.mark.parametrize("words", WORDS)
def test_no_network(command: Command, hub: dict[str, str], data: Path, words: tuple[str, ...]) -> None:
    """If nothing answers, the error says so, and not that the hub has no such checkpoint."""
    with nobody() as url:
        result = command(*words, REPOSITORY, "--output", "out", environment=hub | {"HF_ENDPOINT": url})
    assert result.code == 74
    assert error_line(result) == (
        f"there is no folder {REPOSITORY}, and the hub cannot be reached: "
        "check the network, and HTTPS_PROXY if you need a proxy"
    )
    result = command(*words, REPOSITORY, "--output", "out", environment=hub | {"HF_HUB_OFFLINE": "1"})
    assert result.code == 78
    assert error_line(result).endswith("HF_HUB_OFFLINE is set: unset it to fetch from the hub")


def test_gated(command: Command, server: LocalServer, hub: dict[str, str], data: Path) -> None:
    """For a gated checkpoint, the error says where to accept its conditions."""
    server.fail("/api/", 403, **{"X-Error-Code": "GatedRepo"})
    result = command("export", "--checkpoint", REPOSITORY, environment=hub)
    assert result.code == 78
    assert f"accept its conditions at {server.url}/{REPOSITORY}, then set HF_TOKEN" in error_line(result)


def test_busy(command: Command, server: LocalServer, hub: dict[str, str], data: Path) -> None:
    """A hub that keeps failing ends the run with exit code 75."""
    server.fail("/api/", 500, times=99)
    result = command("export", "--checkpoint", REPOSITORY, environment=hub)
    assert (result.code, error_line(result)) == (
        75,
        f"there is no folder {REPOSITORY}, and the hub has a temporary failure: try again later",
    )


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("name", [REPOSITORY, "repository"])
@pytest.mark.parametrize("place", ["config.json", "tokenizer_config.json"])
def test_code_in_a_repository(
    command: Command, hub: dict[str, str], repository: Path, data: Path, words: tuple[str, ...], name: str, place: str
) -> None:
    """Code in a checkpoint, from the hub or a folder, is never run, and nobody is asked whether to."""
    settings = json.loads((repository / place).read_text("utf-8"))
    names = {"AutoConfig": "planted.Any", "AutoTokenizer": ["planted.Any", "planted.Any"]}
    settings |= {"model_type": "planted", "tokenizer_class": "Planted", "auto_map": names}
    (repository / place).write_text(json.dumps(settings), "utf-8")
    (repository / "planted.py").write_text(f"open({str(command.folder / 'run')!r}, 'w')")
    result = command(*words, name, "--output", "out", stdin=b"y\ny\n", environment=hub)
    assert (result.code, result.stdout) == (78, "")
    assert error_line(result).endswith(f"{place} sets auto_map, which loads custom code: that is never run")
    assert not (command.folder / "run").exists()
    assert not (command.folder / "out").exists()


@pytest.mark.parametrize("words", WORDS)
def test_pickles_on_the_hub(
    command: Command, hub: dict[str, str], repository: Path, data: Path, words: tuple[str, ...]
) -> None:
    """Pickled weights are not even downloaded."""
    (repository / "model.safetensors").rename(repository / "pytorch_model.bin")
    result = command(*words, REPOSITORY, "--output", "out", environment=hub)
    assert (result.code, result.stdout) == (78, "")
    assert error_line(result).endswith("needs weights in model.safetensors; it has none")


def _lookups(server: LocalServer) -> int:
    """How often the hub was asked which commit is the newest."""
    return sum(request.url.startswith("/api/") for request in server.requests)
