"""Data sets from the Hugging Face hub, fetched by its real client from a local server that speaks its protocol."""

import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.process import Command, Result, error_line
from cli.terminal import EVERY_UPDATE, run_on_terminal
from faults.waiting import wait_until
from hub_server import COMMIT, REPOSITORY, Hub, hub_environment, hub_server
from local_server import LocalServer, nobody

TOKEN = "hf_5ecre7f0rte5t5"
FILES = {
    "README.md": b"reviews",
    "data/test.csv": b"text,label\n" + b"".join(b"film %x,%d\n" % (i**5, i % 5) for i in range(10_000)),
    "data/train.csv": b"text,label\n" + b"".join(b"film %x,%d\n" % (i**7, i % 5) for i in range(20_000)),
}


@dataclass(frozen=True)
class Setting:
    """The command, and a hub with one data set and a token for it."""

    command: Command
    hub: Hub
    server: LocalServer
    environment: dict[str, str]

    def fetch(self, *arguments: str, name: str = REPOSITORY, **environment: str) -> Result:
        """Fetch into data/; fail if the token is printed."""
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
    """Exactly the files of the revision are fetched; its commit and the next command are printed."""
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
    """A terminal shows the progress of each file, except with -q."""
    words = ("fetch", f"hf:{REPOSITORY}", "-o", "data")
    shown = run_on_terminal(setting.command, *words, environment={**EVERY_UPDATE, **setting.environment})
    assert re.search(r"train\.csv: 100%", shown)
    shutil.rmtree(setting.command.folder / "data")
    assert run_on_terminal(setting.command, *words, "-q", environment=setting.environment) == ""


def test_cut_connection(setting: Setting) -> None:
    """A download that was cut continues where it stopped."""
    setting.server.cut("/train.csv", after=0)  # for the preceding HEAD request
    setting.server.cut("/train.csv", after=100_000)
    assert setting.fetch().code == 0
    assert setting.contents() == FILES


def test_stopped(setting: Setting) -> None:
    """A stopped run leaves no file, and the next run uses what it had."""
    setting.server.cut("/train.csv", after=0)  # for the preceding HEAD request
    setting.server.stand_still("/train.csv", after=200_000)
    words = ("fetch", f"hf:{REPOSITORY}", "-o", "data")
    with setting.command.start(*words, environment=setting.environment) as process:
        wait_until(lambda: len(setting.server.asked("/train.csv")) == 2, process)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1].decode("utf-8")
    assert process.returncode == 130
    assert error_line(Result(130, "", stderr)).endswith("MB are kept: run the same command again to continue")
    assert [path.name for path in (setting.command.folder / "data").iterdir()] == [".fetching"]
    before = len(setting.server.requests)
    assert setting.fetch().code == 0
    assert setting.contents() == FILES
    assert not any("test.csv" in request.url for request in setting.server.requests[before:])


@pytest.mark.parametrize("name", ["README.md", "data/test.csv"])
def test_wrong_hash(setting: Setting, name: str) -> None:
    """A file that differs from the hub's hash, git's or SHA-256, is not used."""
    setting.hub.hashes[name] = "f" * (40 if name == "README.md" else 64)
    result = setting.fetch()
    assert result.code == 65
    assert error_line(result) == f"{name} was damaged during the download: run the same command again"
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
    """A data set or a revision that does not exist is reported as such."""
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
    """For a gated data set, the error says where to accept its conditions."""
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
    """A hub that stays busy ends the run with exit code 75."""
    setting.server.fail(place, 429, times=99, **{"Retry-After": "0"})
    result = setting.fetch()
    assert (result.code, error_line(result)) == (75, "the hub asks to wait (429); try again later")


def test_no_network(setting: Setting) -> None:
    """If nothing answers, the error says that the hub cannot be reached."""
    with nobody() as url:
        result = setting.fetch(HF_ENDPOINT=url)
    assert result.code == 74
    assert error_line(result) == "the hub cannot be reached: check the network, and HTTPS_PROXY if you need a proxy"
    assert list(setting.command.folder.iterdir()) == []


def test_offline(setting: Setting) -> None:
    """With HF_HUB_OFFLINE set, the error says to unset it."""
    result = setting.fetch(HF_HUB_OFFLINE="1")
    assert (result.code, error_line(result)) == (78, "HF_HUB_OFFLINE is set: unset it to fetch from the hub")


@pytest.mark.parametrize("name", ["", "a/b/c", "a--b/c", "../x"])
def test_no_name(setting: Setting, name: str) -> None:
    """A name that cannot be a data set is refused without asking the hub."""
    result = setting.fetch(name=name)
    assert result.code == 2
    assert setting.server.requests == []
    assert list(setting.command.folder.iterdir()) == []
