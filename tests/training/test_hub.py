"""Checkpoints by their hub id, from a server that speaks the hub's file protocol."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli.process import Command, error_line

REPOSITORY = "owner/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """Files under /REPOSITORY/resolve/REVISION/, the repository's description under /api/models/REPOSITORY."""

    folder: Path
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0].removeprefix("/")
        if path.startswith(f"{REPOSITORY}/resolve/"):
            file = self.folder / path.split("/", 4)[4]
            status, body, code = (200, file.read_bytes(), "") if file.is_file() else (404, b"", "EntryNotFound")
        elif path in {f"api/models/{REPOSITORY}", f"api/models/{REPOSITORY}/revision/main"}:
            siblings = [{"rfilename": file.name} for file in self.folder.iterdir()]
            status, code = 200, ""
            body = json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}).encode()
        else:
            status, body, code = 404, b"", "EntryNotFound" if REPOSITORY in path else "RepoNotFound"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def repository(base: Path, tmp_path: Path) -> Path:
    """What the hub has under the one id that it knows."""
    return shutil.copytree(base, tmp_path / "repository")


@pytest.fixture
def hub(repository: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which the hub is here, with an empty cache."""
    handler = type("Hub", (_Hub,), {"folder": repository})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path / "hub cache"),
            "HF_HUB_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1",
        }
        server.shutdown()


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
    assert (result.code, result.stdout) == (0, "")
    assert json.loads((command.folder / "ckpt/config.json").read_text("utf-8"))["hidden_size"] == 32
    snapshot = command.folder / f"hub cache/hub/models--owner--tiny/snapshots/{COMMIT}"
    assert (snapshot / "model.safetensors").is_file()


@pytest.mark.parametrize("words", [("train", "--data", "x.csv", "--base"), ("export", "--checkpoint")])
def test_unknown_repository(command: Command, hub: dict[str, str], data: Path, words: tuple[str, ...]) -> None:
    """An id that the hub does not know is told in one line."""
    result = command(*words, "owner/nothing", "--output", "out", environment=hub)
    assert result.code == 78
    message = error_line(result)
    assert message.startswith("owner/nothing is neither a folder nor on the Hugging Face hub: ")
    assert "\\n" not in message
    assert not (command.folder / "out").exists()


@pytest.mark.parametrize("words", [("train", "--data", "x.csv", "--base"), ("export", "--checkpoint")])
@pytest.mark.parametrize("name", [REPOSITORY, "repository"])
@pytest.mark.parametrize("place", ["config.json", "tokenizer_config.json"])
def test_code_in_a_repository(
    command: Command, hub: dict[str, str], repository: Path, data: Path, words: tuple[str, ...], name: str, place: str
) -> None:
    """Code that comes with a checkpoint, from the hub or in a folder, is not run: nobody is even asked."""
    settings = json.loads((repository / place).read_text("utf-8"))
    names = {"AutoConfig": "planted.Any", "AutoTokenizer": ["planted.Any", "planted.Any"]}
    settings |= {"model_type": "planted", "tokenizer_class": "Planted", "auto_map": names}
    (repository / place).write_text(json.dumps(settings), "utf-8")
    (repository / "planted.py").write_text(f"open({str(command.folder / 'run')!r}, 'w')")
    result = command(*words, name, "--output", "out", stdin=b"y\ny\n", environment=hub)
    assert (result.code, result.stdout) == (78, "")
    assert error_line(result).endswith(f"{place} sets auto_map, which can load code of its own: this is never run")
    assert not (command.folder / "run").exists()
    assert not (command.folder / "out").exists()


@pytest.mark.parametrize("words", [("train", "--data", "x.csv", "--base"), ("export", "--checkpoint")])
def test_pickles_on_the_hub(
    command: Command, hub: dict[str, str], repository: Path, data: Path, words: tuple[str, ...]
) -> None:
    """Weights in pickle form are not even downloaded."""
    (repository / "model.safetensors").rename(repository / "pytorch_model.bin")
    result = command(*words, REPOSITORY, "--output", "out", environment=hub)
    assert (result.code, result.stdout) == (78, "")
    assert error_line(result).endswith("needs weights in model.safetensors; it has none")
