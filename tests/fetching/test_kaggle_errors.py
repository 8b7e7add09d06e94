"""Refusals by Kaggle or the network in between: one line that says what to do, with no secret in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli.process import error_line
from fetching.conftest import COMPETITION, Setting
from fetching.kaggle_server import KEY, TOKEN, USER
from local_server import nobody

PAGE = f"https://www.kaggle.com/competitions/{COMPETITION}"
SETTINGS = "https://www.kaggle.com/settings/api"
NOBODY = ("unshare", "--user", "--map-user", "9999", "env", "-i")


def test_no_token(setting: Setting) -> None:
    """Without a token the line says where to get one and where to put it; nothing is sent."""
    result = setting.fetch(KAGGLE_API_TOKEN="")
    assert result.code == 78
    message = error_line(result)
    assert message.startswith(f'no Kaggle token: create one at {SETTINGS} ("Generate New Token")')
    assert "~/.kaggle/access_token" in message
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert setting.server.requests == []
    assert list(setting.command.folder.iterdir()) == []


@pytest.mark.parametrize(
    "environment",
    [
        {"KAGGLE_API_TOKEN": "KGAT_another"},
        {"KAGGLE_API_TOKEN": "", "KAGGLE_USERNAME": USER, "KAGGLE_KEY": "another"},
    ],
    ids=["access token", "key"],
)
def test_rejected_token(setting: Setting, environment: dict[str, str]) -> None:
    """If Kaggle rejects the token, the error says to create another."""
    result = setting.fetch(**environment)
    assert result.code == 78
    assert error_line(result).startswith(f"Kaggle does not take the token (401): create one at {SETTINGS}")
    assert "another" not in result.stderr


def test_rejected_at_sign_in(setting: Setting) -> None:
    """The error is the same if Kaggle rejects the token at sign-in."""
    setting.server.fail("IntrospectToken", 401, times=2)
    result = setting.fetch()
    assert result.code == 78
    assert error_line(result).startswith("Kaggle does not take the token (401): ")


@pytest.mark.parametrize(
    ("name", "status", "code", "message"),
    [
        (COMPETITION, 403, 78, f"Kaggle does not let you yet (403): accept the rules at {PAGE}/rules, then run this"),
        ("owner/it", 403, 78, "Kaggle does not give it to you (403): see whether you may read https://www.kaggle.com/"),
        (COMPETITION, 404, 66, f"Kaggle has nothing at {PAGE} (404): check the name and the revision"),
        ("owner/it", 404, 66, "Kaggle has nothing at https://www.kaggle.com/datasets/owner/it (404): check the name"),
        (COMPETITION, 400, 74, f"Kaggle refuses the request (400): see {PAGE}"),
    ],
)
def test_refused(setting: Setting, name: str, status: int, code: int, message: str) -> None:
    """What can be done about a refusal differs between competitions and data sets, and the error says it."""
    setting.server.fail("/Download", status)
    result = setting.run("fetch", "kaggle", name, "-o", "data")
    assert result.code == code
    assert error_line(result).startswith(message)
    assert list(setting.command.folder.iterdir()) == []


@pytest.mark.parametrize("place", ["IntrospectToken", "DownloadDataFiles", "storage.test"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_for_a_while(setting: Setting, place: str, status: int) -> None:
    """A server that is busy, or fails for a moment, is asked again when it says."""
    # The package also asks once when it is imported, and ignores the answer.
    setting.server.fail(place, status, times=2, **{"Retry-After": "0"})
    result = setting.fetch()
    assert result.code == 0
    waits = "asks to wait (429)" if status == 429 else f"fails for now ({status})"
    assert f"Kaggle {waits}: trying again in 0 s\n" in result.stderr


def test_waits_as_long_as_it_is_told(setting: Setting) -> None:
    """The time named in Retry-After is waited for, with a note."""
    setting.server.fail("DownloadDataFiles", 429, **{"Retry-After": "1"})
    result = setting.fetch()
    assert result.code == 0
    assert result.stderr.startswith("Kaggle asks to wait 1 s (429): trying again in 1 s\n")


def test_does_not_wait_all_day(setting: Setting) -> None:
    """A wait of hours ends the run with exit code 75."""
    setting.server.fail("DownloadDataFiles", 429, **{"Retry-After": "7200"})
    result = setting.fetch()
    assert (result.code, error_line(result)) == (75, "Kaggle asks to wait 7,200 s (429); try again later")
    assert len(setting.server.asked("DownloadDataFiles")) == 1


@pytest.mark.parametrize("status", [429, 500])
def test_busy_for_good(setting: Setting, status: int) -> None:
    """After four attempts the run ends with exit code 75."""
    setting.server.fail("DownloadDataFiles", status, times=9, **{"Retry-After": "0"})
    result = setting.fetch()
    assert result.code == 75
    assert f"({status})" in error_line(result)
    assert len(setting.server.asked("DownloadDataFiles")) == 4


def test_no_network(setting: Setting) -> None:
    """If nothing answers, the error says that Kaggle cannot be reached."""
    with nobody() as url:
        result = setting.fetch(http_proxy=url)
    assert result.code == 74
    assert error_line(result) == "Kaggle cannot be reached: check the network, and HTTPS_PROXY if you need a proxy"
    assert list(setting.command.folder.iterdir()) == []


def test_login_page(setting: Setting) -> None:
    """A network that answers everything with a page of its own is not taken for Kaggle."""
    setting.server.fail("IntrospectToken", 200, times=2, **{"Content-Type": "text/html", "Content-Length": "0"})
    result = setting.fetch()
    assert result.code == 74
    assert error_line(result).startswith("what answers is not Kaggle: ")


@pytest.mark.skipif(
    subprocess.run([*NOBODY, "true"], capture_output=True).returncode != 0,
    reason="needs to become a user without a name",
)
def test_no_home(tmp_path: Path) -> None:
    """A user whom the system does not know, as some containers have, is told to set HOME."""
    arguments = ("-m", "sentiment_batch", "fetch", "kaggle", COMPETITION, "-o", str(tmp_path / "data"))
    done = subprocess.run([*NOBODY, sys.executable, *arguments], capture_output=True, text=True)
    message = "Error: no home folder, where the kaggle package keeps its files: set HOME\n"
    assert (done.returncode, done.stderr) == (78, message)


@pytest.mark.parametrize("name", ["access_token", "access_token.txt", "kaggle.json", "credentials.json"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_open_credentials(setting: Setting, name: str, mode: int) -> None:
    """A credentials file that others can access is refused, with the command that closes it."""
    path = setting.home / ".kaggle" / name
    path.write_text(json.dumps({"username": USER, "key": KEY}), "utf-8")
    path.chmod(mode)
    result = setting.fetch()
    assert (result.code, error_line(result)) == (78, f"{path} can be read by others: chmod 600 {path}")
    assert setting.server.requests == []


@pytest.mark.parametrize("variable", ["KAGGLE_CONFIG_DIR", "XDG_CONFIG_HOME", "KAGGLE_API_TOKEN"])
def test_open_credentials_elsewhere(setting: Setting, variable: str) -> None:
    """A file in a folder, or at a path, named by a variable is checked too; the path is quoted for the shell."""
    folder = setting.home / "con fig"
    path = {
        "KAGGLE_CONFIG_DIR": folder / "kaggle.json",
        "XDG_CONFIG_HOME": folder / "kaggle" / "kaggle.json",
        "KAGGLE_API_TOKEN": setting.home / "token",
    }[variable]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TOKEN, "utf-8")
    path.chmod(0o644)
    value = path if variable == "KAGGLE_API_TOKEN" else folder
    result = setting.fetch(**{variable: str(value)})
    assert result.code == 78
    assert f"{path} can be read by others: chmod 600 " in error_line(result)
    assert error_line(result).endswith(f"'{path}'" if " " in str(path) else str(path))


@pytest.mark.parametrize("token", [f"{TOKEN}\r", f"{TOKEN}\n{TOKEN}", f" {TOKEN}", TOKEN * 20, f"{TOKEN}ü"])
@pytest.mark.parametrize("variable", ["KAGGLE_API_TOKEN", "KAGGLE_KEY"])
def test_unusable_token(setting: Setting, variable: str, token: str) -> None:
    """A variable that cannot hold a token is named, without its value."""
    result = setting.fetch("-v", **{"KAGGLE_API_TOKEN": "", "KAGGLE_USERNAME": USER, variable: token})
    assert result.code == 78
    assert f"Error: {variable} holds blanks, line breaks or too much for a token: " in result.stderr


@pytest.mark.parametrize("content", [f"{TOKEN}\n{TOKEN}", f"{TOKEN}\u00fc", f"{TOKEN}\u2026"])
def test_unusable_token_in_a_file(setting: Setting, content: str) -> None:
    """A file that cannot hold a token is refused without revealing its contents."""
    path = setting.home / ".kaggle" / "access_token"
    path.write_text(content, "utf-8")
    path.chmod(0o600)
    result = setting.fetch("-v", KAGGLE_API_TOKEN="")
    assert result.code == 78


@pytest.mark.parametrize("variable", ["VERBOSE", "VERBOSE_OUTPUT"])
def test_verbose_package(setting: Setting, variable: str) -> None:
    """Variables that make the package print requests with their headers have no effect."""
    result = setting.fetch(**{variable: "1"})
    assert (result.code, result.stdout) == (0, "")
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("place", ["IntrospectToken", "DownloadDataFiles", "storage.test"])
def test_traceback(setting: Setting, place: str) -> None:
    """With -v there is a traceback, and neither a token nor a signed address in it."""
    setting.server.fail(place, 400, times=2)
    result = setting.fetch("-v")
    assert "Traceback" in result.stderr
    assert "During handling" not in result.stderr


@pytest.mark.parametrize("name", ["https://www.kaggle.com/c/x", "a/b/c", "", "../x", "a b"])
def test_no_name(setting: Setting, name: str) -> None:
    """A name that cannot exist is refused without asking Kaggle."""
    result = setting.run("fetch", "kaggle", name, "-o", "data")
    assert result.code == 2
    assert setting.server.requests == []
    assert list(setting.command.folder.iterdir()) == []


@pytest.mark.parametrize("arguments", [["kaggle"], ["elsewhere", "x"], ["hf:owner/name", "x"]])
def test_no_source(setting: Setting, arguments: list[str]) -> None:
    """Anything but the known sources is wrong usage."""
    result = setting.run("fetch", *arguments, "-o", "data")
    assert result.code == 2
    assert error_line(result).startswith("name the data as `kaggle NAME`")


def test_revision_of_a_competition(setting: Setting) -> None:
    """--revision is refused for competitions, which have no versions, and for data sets unless it is a number."""
    for name, revision in ((COMPETITION, "1"), ("owner/name", "main")):
        result = setting.run("fetch", "kaggle", name, "-o", "data", "--revision", revision)
        assert result.code == 2
        assert error_line(result).startswith(f"--revision {revision}: on Kaggle")
