"""Data from Kaggle, fetched by the real kaggle package from a local server that speaks its protocol."""

import json
import re
import shutil
import signal
from dataclasses import replace

import pytest
from cli.process import Result, error_line
from cli.terminal import EVERY_UPDATE, run_on_terminal
from fetching.conftest import COMPETITION, SAMPLE, TEST, TRAIN, Setting, zipped
from fetching.kaggle_server import KEY, SECRETS, TOKEN, USER

FILES = {"data/sampleSubmission.csv": SAMPLE, "data/test.tsv": TEST, "data/train.tsv": TRAIN}


def test_competition(setting: Setting) -> None:
    """Exactly the unpacked files are there; the last line printed is the next command."""
    result = setting.fetch()
    assert (result.code, result.stdout) == (0, "")
    assert setting.command.contents() == FILES
    assert result.stderr.splitlines() == [
        f"data: sampleSubmission.csv, test.tsv, train.tsv; {sum(map(len, FILES.values())) / 1e6:.1f} MB",
        "next: sentiment-batch train --data data/train.tsv --output checkpoint/",
    ]


def test_token_goes_to_the_api_alone(setting: Setting) -> None:
    """The token goes only to the API, not to the storage that Kaggle redirects to."""
    assert setting.fetch().code == 0
    [asked] = setting.server.asked("DownloadDataFiles")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    [stored] = setting.server.asked("storage.test")
    assert "authorization" not in stored.headers


@pytest.mark.parametrize("version", [None, "3"])
def test_data_set(setting: Setting, version: str | None) -> None:
    """A data set is fetched in its latest version or in the one asked for."""
    name = "owner/reviews"
    setting.kaggle.archives = {name: zipped({"a.csv": b"last"}), f"{name}/3": zipped({"a.csv": b"third"})}
    options = ["--revision", version] if version else []
    result = setting.run("fetch", "kaggle", name, "-o", "data", *options)
    assert result.code == 0
    assert setting.command.contents() == {"data/a.csv": b"third" if version else b"last"}
    assert result.stderr.endswith("next: sentiment-batch train --data data/a.csv --output checkpoint/\n")


@pytest.mark.parametrize("form", ["variable", "variable with a path", "access_token", "kaggle.json", "two variables"])
def test_token_forms(setting: Setting, form: str) -> None:
    """Every form of token that the package knows is found."""
    legacy = json.dumps({"username": USER, "key": KEY})
    file = setting.home / ".kaggle" / {"kaggle.json": "kaggle.json", "access_token": "access_token"}.get(form, "mine")
    file.write_text(legacy if form == "kaggle.json" else f"{TOKEN}\n", "utf-8")
    file.chmod(0o600)
    environment = {
        "variable": {"KAGGLE_API_TOKEN": TOKEN},
        "variable with a path": {"KAGGLE_API_TOKEN": str(file)},
        "two variables": {"KAGGLE_USERNAME": USER, "KAGGLE_KEY": KEY},
    }.get(form, {})
    assert setting.fetch(**{"KAGGLE_API_TOKEN": "", **environment}).code == 0
    [asked] = setting.server.asked("DownloadDataFiles")
    is_legacy = form in {"kaggle.json", "two variables"}
    assert asked.headers["authorization"] == (f"Basic {SECRETS[-1]}" if is_legacy else f"Bearer {TOKEN}")


def resumed(setting: Setting) -> str | None:
    """Fetch again what a run that left no file did not get to its end; returns which bytes were asked for."""
    assert [path.name for path in setting.data.iterdir()] == [".fetching"]
    assert setting.fetch().code == 0
    assert setting.command.contents() == FILES
    return setting.server.requests[-1].headers.get("range")


def test_cut_connection(setting: Setting) -> None:
    """A download that is cut continues where it stopped, in the same run."""
    setting.server.cut("storage.test", after=210_000)
    result = setting.fetch()
    assert result.code == 0
    assert setting.command.contents() == FILES
    assert "the connection to Kaggle was cut: trying again in 1 s" in result.stderr
    assert setting.server.requests[-1].headers["range"] == "bytes=196608-"


def test_resume(setting: Setting) -> None:
    """A download that is cut again and again is kept, and the same command continues it."""
    setting.server.cut("storage.test", after=210_000)
    setting.server.cut("storage.test", after=0, times=6)  # each of three more attempts asks twice
    result = setting.fetch()
    assert result.code == 74
    assert error_line(result) == (
        "the connection to Kaggle was cut; 0.2 MB are kept: run the same command again to continue"
    )
    assert resumed(setting) == "bytes=196608-"


def test_no_resume_of_something_else(setting: Setting) -> None:
    """If Kaggle has another archive by now, the part of the old one is not used."""
    setting.server.stand_still("storage.test", after=210_000)
    assert setting.stop(signal.SIGINT).code == 130
    setting.kaggle.archives[COMPETITION] = zipped({"train.tsv": TRAIN[::-1], "test.tsv": TEST})
    assert setting.fetch().code == 0
    assert setting.command.contents() == {"data/train.tsv": TRAIN[::-1], "data/test.tsv": TEST}


def test_wrong_checksum(setting: Setting) -> None:
    """An archive without the checksum that Kaggle states is not used."""
    setting.kaggle.md5_told = "AAAAAAAAAAAAAAAAAAAAAA=="
    result = setting.fetch()
    assert result.code == 65
    assert error_line(result) == f"{COMPETITION}.zip was damaged during the download: run the same command again"
    assert list(setting.command.folder.iterdir()) == []


@pytest.mark.parametrize("damage", ["a byte", "the end", "no zip at all"])
def test_damaged_archive(setting: Setting, damage: str) -> None:
    """An archive that is damaged on Kaggle's side leaves nothing behind."""
    content = bytearray(setting.kaggle.archives[COMPETITION])
    content[len(content) // 2] ^= 1
    damaged = {"a byte": bytes(content), "the end": bytes(content[:-100]), "no zip at all": b"<html>"}[damage]
    setting.kaggle.archives[COMPETITION] = damaged
    result = setting.fetch()
    assert result.code == 65
    assert error_line(result).startswith(f"{COMPETITION}.zip cannot be unpacked: ")
    assert list(setting.command.folder.iterdir()) == []


def test_hostile_archive(setting: Setting) -> None:
    """An archive with a name that leads out of the folder writes nothing."""
    setting.kaggle.archives[COMPETITION] = zipped({"train.tsv": TRAIN, "../escaped.tsv": TRAIN})
    result = setting.fetch()
    assert result.code == 65
    assert "'../escaped.tsv', which leads out of the folder" in error_line(result)
    assert list(setting.command.folder.iterdir()) == []


def test_too_large(setting: Setting) -> None:
    """More than is allowed is not even downloaded."""
    result = setting.fetch("--max-gigabytes", "0.00001")
    assert result.code == 65
    assert error_line(result).endswith("raise --max-gigabytes")
    assert list(setting.command.folder.iterdir()) == []


def test_fetched_before(setting: Setting) -> None:
    """Fetching again accepts the same files and leaves others in the folder alone."""
    assert setting.fetch().code == 0
    (setting.data / "mine.txt").write_text("mine", "utf-8")
    assert setting.fetch().code == 0
    assert setting.command.contents() == {**FILES, "data/mine.txt": b"mine"}


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_something_else_is_there(setting: Setting, kind: str) -> None:
    """Nothing is replaced: what is in the way is named, and no file appears."""
    setting.data.mkdir()
    path = setting.data / "train.tsv"
    match kind:
        case "file":
            path.write_bytes(b"mine")
        case "link":
            (setting.command.folder / "elsewhere").write_bytes(TRAIN)
            path.symlink_to("../elsewhere")
        case "folder":
            path.mkdir()
    result = setting.fetch()
    assert result.code == 2
    assert error_line(result).startswith("data/train.tsv exists with other content: ")
    assert list(setting.data.iterdir()) == [path]


@pytest.mark.parametrize("output", ["file", "missing/data"])
def test_no_folder(setting: Setting, output: str) -> None:
    """An output that cannot be a folder is refused before Kaggle is asked for anything."""
    (setting.command.folder / "file").touch()
    result = setting.run("fetch", "kaggle", COMPETITION, "-o", output)
    assert result.code == 73
    assert (
        error_line(result)
        == {
            "file": "file is a file: name a folder",
            "missing/data": "no folder missing: create it first",
        }[output]
    )
    assert setting.server.requests == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped(setting: Setting, number: signal.Signals, code: int) -> None:
    """A stopped run leaves no file, and the next run uses what it had."""
    setting.server.stand_still("storage.test", after=210_000)
    result = setting.stop(number)
    assert result.code == code
    assert error_line(result).endswith("0.2 MB are kept: run the same command again to continue")
    assert resumed(setting) == "bytes=196608-"


def test_killed(setting: Setting) -> None:
    """A killed run leaves no file and no lock, and the next run uses what it had."""
    setting.server.stand_still("storage.test", after=210_000)
    assert setting.stop(signal.SIGKILL).code == -signal.SIGKILL
    assert resumed(setting)


def test_deadline(setting: Setting) -> None:
    """A run out of time exits with 75 and says so."""
    setting.server.stand_still("storage.test", after=1000)
    result = setting.fetch("--deadline", "00:00:01")
    assert result.code == 75
    assert error_line(result).startswith("stopped by --deadline before the end")


def test_two_at_once(setting: Setting) -> None:
    """A second run into the same folder is refused with exit code 75."""
    setting.server.stand_still("storage.test", after=210_000)
    results: list[Result] = []
    setting.stop(signal.SIGINT, before=lambda: results.append(setting.fetch()))
    [result] = results
    assert result.code == 75
    assert error_line(result) == "data: another run is fetching into it: try again when it is done"
    assert setting.fetch().code == 0


def test_quiet(setting: Setting) -> None:
    """-q says nothing, not even that it has to wait."""
    setting.server.fail("DownloadDataFiles", 429, **{"Retry-After": "0"})
    result = setting.fetch("-q")
    assert (result.code, result.stdout, result.stderr) == (0, "", "")
    assert setting.command.contents() == FILES


def test_progress(setting: Setting) -> None:
    """A terminal shows the progress of the archive, except with -q."""
    words = ("fetch", "kaggle", COMPETITION, "-o", "data")
    shown = run_on_terminal(setting.command, *words, environment={**EVERY_UPDATE, **setting.environment})
    size = len(setting.kaggle.archives[COMPETITION]) / 1024
    assert re.search(rf"100%.* {size:.0f}k/{size:.0f}k ", shown)
    assert run_on_terminal(setting.command, *words, "-q", environment=setting.environment) == ""


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_no_room(setting: Setting) -> None:
    """A full disk is reported, and the next run uses what could be written."""
    limited = replace(setting, command=replace(setting.command, runner=("prlimit", "--fsize=200000")))
    result = limited.fetch()
    assert result.code == 73
    assert error_line(result) == "data: File too large; 0.2 MB are kept: run the same command again to continue"
    assert setting.fetch().code == 0
    assert setting.command.contents() == FILES
    assert "range" in setting.server.requests[-1].headers


def test_names_that_do_tricks_on_a_terminal(setting: Setting) -> None:
    """A file's name is shown without its control characters."""
    setting.kaggle.archives[COMPETITION] = zipped({"\x1b[31mred.csv": b"x"})
    result = setting.fetch()
    assert result.code == 0
    assert "\x1b" not in result.stderr
    assert r"\x1b[31mred.csv" in result.stderr
