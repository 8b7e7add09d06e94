"""Data from Kaggle, through the real kaggle package, from a server that speaks its protocol."""

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
    """The files are there, unpacked, and nothing else; the last line is the next command."""
    result = setting.fetch()
    assert (result.code, result.stdout) == (0, "")
    assert setting.command.contents() == FILES
    assert result.stderr.splitlines() == [
        f"data: sampleSubmission.csv, test.tsv, train.tsv; {sum(map(len, FILES.values())) / 1e6:.1f} MB",
        "next: sentiment-batch train --data data/train.tsv --output checkpoint/",
    ]


def test_token_goes_to_the_api_alone(setting: Setting) -> None:
    """The storage to which Kaggle redirects gets no token."""
    assert setting.fetch().code == 0
    [asked] = setting.server.asked("DownloadDataFiles")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    [stored] = setting.server.asked("storage.test")
    assert "authorization" not in stored.headers


@pytest.mark.parametrize("version", [None, "3"])
def test_data_set(setting: Setting, version: str | None) -> None:
    """A data set is fetched in its last version, or in the one that is asked for."""
    name = "owner/reviews"
    setting.kaggle.archives = {name: zipped({"a.csv": b"last"}), f"{name}/3": zipped({"a.csv": b"third"})}
    options = ["--revision", version] if version else []
    result = setting.run("fetch", "kaggle", name, "-o", "data", *options)
    assert result.code == 0
    assert setting.command.contents() == {"data/a.csv": b"third" if version else b"last"}
    assert result.stderr.endswith("next: sentiment-batch train --data data/a.csv --output checkpoint/\n")


@pytest.mark.parametrize("form", ["variable", "variable with a path", "access_token", "kaggle.json", "two variables"])
def test_token_forms(setting: Setting, form: str) -> None:
    """Each form of a token that the package knows is found."""
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


def test_cut_connection(setting: Setting) -> None:
    """A download that is cut goes on from there, in the same run."""
    setting.server.cut("storage.test", after=210_000)
    result = setting.fetch()
    assert result.code == 0
    assert setting.command.contents() == FILES
    assert "the connection to Kaggle was cut: trying again in 1 s" in result.stderr
    assert setting.server.requests[-1].headers["range"] == "bytes=196608-"


def test_resume(setting: Setting) -> None:
    """A download that is cut again and again is kept, and the same command goes on from there."""
    setting.server.cut("storage.test", after=210_000)
    setting.server.cut("storage.test", after=0, times=6)  # each of three more attempts asks twice
    result = setting.fetch()
    assert result.code == 74
    assert error_line(result) == (
        "the connection to Kaggle was cut; 0.2 MB are kept: the same command again goes on behind them"
    )
    assert [path.name for path in setting.data.iterdir()] == [".fetching"]
    assert setting.fetch().code == 0
    assert setting.command.contents() == FILES
    assert setting.server.requests[-1].headers["range"] == "bytes=196608-"


def test_no_resume_of_something_else(setting: Setting) -> None:
    """When Kaggle has another archive by now, the part of the old one is not used."""
    setting.server.stand_still("storage.test", after=210_000)
    assert setting.stop(signal.SIGINT).code == 130
    setting.kaggle.archives[COMPETITION] = zipped({"train.tsv": TRAIN[::-1], "test.tsv": TEST})
    assert setting.fetch().code == 0
    assert setting.command.contents() == {"data/train.tsv": TRAIN[::-1], "data/test.tsv": TEST}


def test_wrong_checksum(setting: Setting) -> None:
    """What does not have the checksum that Kaggle tells is not used."""
    setting.kaggle.md5_told = "AAAAAAAAAAAAAAAAAAAAAA=="
    result = setting.fetch()
    assert result.code == 65
    assert error_line(result) == f"{COMPETITION}.zip did not arrive as Kaggle has it: run the same command again"
    assert list(setting.command.folder.iterdir()) == []


@pytest.mark.parametrize("damage", ["a byte", "the end", "no zip at all"])
def test_damaged_archive(setting: Setting, damage: str) -> None:
    """An archive that is damaged at Kaggle's leaves nothing."""
    content = bytearray(setting.kaggle.archives[COMPETITION])
    content[len(content) // 2] ^= 1
    damaged = {"a byte": bytes(content), "the end": bytes(content[:-100]), "no zip at all": b"<html>"}[damage]
    setting.kaggle.archives[COMPETITION] = damaged
    result = setting.fetch()
    assert result.code == 65
    assert error_line(result).startswith(f"{COMPETITION}.zip cannot be unpacked: ")
    assert list(setting.command.folder.iterdir()) == []


def test_hostile_archive(setting: Setting) -> None:
    """An archive that would write outside of the folder writes nothing."""
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
    """The same files may be there already; others that are there stay."""
    assert setting.fetch().code == 0
    (setting.data / "mine.txt").write_text("mine", "utf-8")
    assert setting.fetch().code == 0
    assert setting.command.contents() == {**FILES, "data/mine.txt": b"mine"}


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_something_else_is_there(setting: Setting, kind: str) -> None:
    """Nothing is replaced: what stands in the way is named, and no file appears."""
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
    assert error_line(result).startswith("data/train.tsv is there already, and not the same: ")
    assert list(setting.data.iterdir()) == [path]


@pytest.mark.parametrize("output", ["file", "missing/data"])
def test_no_folder(setting: Setting, output: str) -> None:
    """An output that cannot be a folder is told before anything is asked of Kaggle."""
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
    """A run that is stopped leaves no file, and what it has is used by the next."""
    setting.server.stand_still("storage.test", after=210_000)
    result = setting.stop(number)
    assert result.code == code
    assert error_line(result).endswith("0.2 MB are kept: the same command again goes on behind them")
    assert [path.name for path in setting.data.iterdir()] == [".fetching"]
    assert setting.fetch().code == 0
    assert setting.command.contents() == FILES
    assert setting.server.requests[-1].headers["range"] == "bytes=196608-"


def test_killed(setting: Setting) -> None:
    """So does one that is killed, and the lock ends with it."""
    setting.server.stand_still("storage.test", after=210_000)
    assert setting.stop(signal.SIGKILL).code == -signal.SIGKILL
    assert [path.name for path in setting.data.iterdir()] == [".fetching"]
    assert setting.fetch().code == 0
    assert setting.command.contents() == FILES
    assert "range" in setting.server.requests[-1].headers


def test_deadline(setting: Setting) -> None:
    """A run out of time says so."""
    setting.server.stand_still("storage.test", after=1000)
    result = setting.fetch("--deadline", "00:00:01")
    assert result.code == 75
    assert error_line(result).startswith("stopped by --deadline before the end")


def test_two_at_once(setting: Setting) -> None:
    """A second run into the same folder is told to wait."""
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
    """A terminal shows how much of the archive is there."""
    words = ("fetch", "kaggle", COMPETITION, "-o", "data")
    shown = run_on_terminal(setting.command, *words, environment={**EVERY_UPDATE, **setting.environment})
    size = len(setting.kaggle.archives[COMPETITION]) / 1024
    assert re.search(rf"100%.* {size:.0f}k/{size:.0f}k ", shown)
    assert run_on_terminal(setting.command, *words, "-q", environment=setting.environment) == ""


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_no_room(setting: Setting) -> None:
    """What cannot be written is told, and what could be is used by the next run."""
    limited = replace(setting, command=replace(setting.command, runner=("prlimit", "--fsize=200000")))
    result = limited.fetch()
    assert result.code == 73
    assert error_line(result) == "data: File too large; 0.2 MB are kept: the same command again goes on behind them"
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
