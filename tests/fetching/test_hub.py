"""Data sets of the Hugging Face hub, through its real client, from a server that speaks its protocol."""

import re
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.process import Command, Result, error_line
from cli.terminal import EVERY_UPDATE, run_on_terminal
from faults.waiting import wait_until
from hub_server import COMMIT, REPOSITORY, Hub, hub_environment, hub_server
from local_server import LocalServer

TOKEN = "hf_5ecre7f0rte5t5"
FILES = {
    "README.md": b"reviews",
    "data/test.csv": b"text,label\n" + b"".join(b"film %x,%d\n" % (i**5, i % 5) for i in range(10_000)),
    "data/train.csv": b"text,label\n" + b"".join(b"film %x,%d\n" % (i**7, i % 5) for i in range(20_000)),
}


@dataclass(frozen=True)
class Setting:
    """The command, and a hub with one data set, for which it has a token."""

    command: Command
    hub: Hub
    server: LocalServer
    environment: dict[str, str]

    def fetch(self, *arguments: str, name: str = REPOSITORY, **environment: str) -> Result:
        """Fetch into data/; fails if the token is told."""
        words = ("fetch", f"hf:{name}", "-o", "data", *arguments)
        result = self.command(*words, environment={**self.environment, **environment})
        assert TOKEN not in result.stdout + result.stderr
        return result

    def contents(self) -> dict[str, bytes]:
        return {name.removeprefix("data/"): content for name, content in self.command.contents().items()}


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    folder = tmp_path / "folder"
    folder.mkdir()
    with hub_server("datasets", dict(FILES)) as (hub, server):
        environment = {**hub_environment(server, tmp_path / "home"), "HF_TOKEN": TOKEN}
        yield Setting(Command(folder), hub, server, environment)


@pytest.mark.parametrize("revision", [None, "v1", COMMIT])
def test_data_set(setting: Setting, revision: str | None) -> None:
    """All files of the revision are there, and nothing else; its commit and the next command are told."""
    result = setting.fetch(*(["--revision", revision] if revision else []))
    assert (result.code, result.stdout) == (0, "")
    assert setting.contents() == FILES
    assert result.stderr.splitlines() == [
        f"revision {COMMIT}",
        f"data: README.md, data/test.csv, data/train.csv; {sum(map(len, FILES.values())) / 1e6:.1f} MB",
        "next: sentiment-batch train --data data/data/train.csv --output checkpoint/",
    ]
    assert all(f"/resolve/{COMMIT}/" in request.url for request in setting.server.asked("/resolve/"))


def test_quiet(setting: Setting) -> None:
    """-q says nothing."""
    result = setting.fetch("-q")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")


def test_progress(setting: Setting) -> None:
    """A terminal shows how much of a file is there, unless it is to be quiet."""
    words = ("fetch", f"hf:{REPOSITORY}", "-o", "data")
    shown = run_on_terminal(setting.command, *words, environment={**EVERY_UPDATE, **setting.environment})
    assert re.search(r"train\.csv: 100%", shown)
    shutil.rmtree(setting.command.folder / "data")
    assert run_on_terminal(setting.command, *words, "-q", environment=setting.environment) == ""


def test_cut_connection(setting: Setting) -> None:
    """A download that is cut goes on from there."""
    setting.server.cut("/train.csv", after=0)  # of the HEAD before
    setting.server.cut("/train.csv", after=100_000)
    assert setting.fetch().code == 0
    assert setting.contents() == FILES


def test_stopped(setting: Setting) -> None:
    """A run that is stopped leaves no file, and what it has is used by the next."""
    setting.server.cut("/train.csv", after=0)  # of the HEAD before
    setting.server.stand_still("/train.csv", after=200_000)
    words = ("fetch", f"hf:{REPOSITORY}", "-o", "data")
    with setting.command.start(*words, environment=setting.environment) as process:
        wait_until(lambda: len(setting.server.asked("/train.csv")) == 2, process)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1].decode("utf-8")
    assert process.returncode == 130
    assert error_line(Result(130, "", stderr)).endswith("MB are kept: the same command again goes on behind them")
    assert [path.name for path in (setting.command.folder / "data").iterdir()] == [".fetching"]
    before = len(setting.server.requests)
    assert setting.fetch().code == 0
    assert setting.contents() == FILES
    assert not any("test.csv" in request.url for request in setting.server.requests[before:])


@pytest.mark.parametrize("name", ["README.md", "data/test.csv"])
def test_wrong_hash(setting: Setting, name: str) -> None:
    """A file that is not what the hub says, by git's hash or by SHA-256, is not used."""
    setting.hub.hashes[name] = "f" * (40 if name == "README.md" else 64)
    result = setting.fetch()
    assert result.code == 65
    assert error_line(result) == f"{name} did not arrive as the hub has it: run the same command again"
    assert list(setting.command.folder.iterdir()) == []


@pytest.mark.parametrize("what", ["file", "commit"])
def test_names_that_lead_out(setting: Setting, what: str) -> None:
    """A name that leads out of the folder is refused before anything is downloaded."""
    if what == "file":
        setting.hub.files["../escaped"] = b"x"
    else:
        setting.hub.commit = "../escaped"
    result = setting.fetch()
    assert result.code == 65
    assert "'../escaped', which leads out of the folder" in error_line(result)
    assert setting.server.asked("/resolve/") == []
    assert list(setting.command.folder.iterdir()) == []


def test_too_large(setting: Setting) -> None:
    """More than is allowed is not downloaded."""
    result = setting.fetch("--max-gigabytes", "0.00001")
    assert result.code == 65
    assert setting.server.asked("/resolve/") == []


def test_unknown(setting: Setting) -> None:
    """A data set or a revision that is not there is told from one that is."""
    result = setting.fetch(name="owner/nothing")
    assert (result.code, error_line(result)) == (
        66,
        "the hub shows no data set owner/nothing (404): for a private one set HF_TOKEN",
    )
    result = setting.fetch("--revision", "v2")
    assert result.code == 66
    assert error_line(result).startswith(f"the hub shows no data set {REPOSITORY} with a revision v2 (404): ")
    assert list(setting.command.folder.iterdir()) == []


def test_gated(setting: Setting) -> None:
    """A data set with conditions is told where to accept them."""
    setting.server.fail("/api/", 403, **{"X-Error-Code": "GatedRepo"})
    result = setting.fetch()
    assert result.code == 78
    assert f"accept its conditions at {setting.server.url}/datasets/{REPOSITORY}" in error_line(result)


@pytest.mark.parametrize("place", ["/api/", "/resolve/"])
@pytest.mark.parametrize("status", [429, 503])
def test_busy_for_a_while(setting: Setting, place: str, status: int) -> None:
    """A hub that is busy, or fails for a moment, is asked again."""
    setting.server.fail(place, status, **{"Retry-After": "0"})
    assert setting.fetch().code == 0
    assert setting.contents() == FILES


@pytest.mark.parametrize("place", ["/api/", "/resolve/"])
def test_busy_for_good(setting: Setting, place: str) -> None:
    """A hub that stays busy is left to the next run."""
    setting.server.fail(place, 429, times=99, **{"Retry-After": "0"})
    result = setting.fetch()
    assert (result.code, error_line(result)) == (75, "the hub asks to wait (429); try again later")


def test_no_network(setting: Setting) -> None:
    """Where nothing answers, that is said."""
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        result = setting.fetch(HF_ENDPOINT=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert result.code == 74
    assert error_line(result) == "the hub cannot be reached: check the network, and HTTPS_PROXY if you need a proxy"
    assert list(setting.command.folder.iterdir()) == []


def test_offline(setting: Setting) -> None:
    """A client that is told to stay offline is told to do otherwise."""
    result = setting.fetch(HF_HUB_OFFLINE="1")
    assert (result.code, error_line(result)) == (78, "HF_HUB_OFFLINE is set: unset it to fetch from the hub")


@pytest.mark.parametrize("name", ["", "a/b/c", "a--b/c", "../x"])
def test_no_name(setting: Setting, name: str) -> None:
    """What cannot be a name is told without asking the hub."""
    result = setting.fetch(name=name)
    assert result.code == 2
    assert setting.server.requests == []
    assert list(setting.command.folder.iterdir()) == []
