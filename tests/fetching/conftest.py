"""A local stand-in for Kaggle, and the command with a token for it."""

import io
import signal
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli.process import Command, Result
from faults.waiting import wait_until
from fetching.kaggle_server import SECRETS, TOKEN, Kaggle, kaggle_server
from local_server import LocalServer

COMPETITION = "sentiment-analysis-on-movie-reviews"
TRAIN = b"PhraseId\tSentenceId\tPhrase\tSentiment\n" + b"".join(
    b"%d\t%d\tthe film %x\t%d\n" % (i, i // 3, i**5, i % 5) for i in range(20_000)
)
TEST = b"PhraseId\tSentenceId\tPhrase\n" + b"".join(b"%d\t%d\tgood %d\n" % (i, i, i) for i in range(20_000, 20_100))
SAMPLE = b"PhraseId,Sentiment\n20000,2\n"


def zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            archive.writestr(name, file)
    return content.getvalue()


@dataclass(frozen=True)
class Setting:
    """The command in its own folder, and a Kaggle that knows its token and one competition."""

    command: Command
    home: Path
    kaggle: Kaggle
    server: LocalServer
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.command.folder / "data"

    def run(self, *arguments: str | Path, **environment: str) -> Result:
        """Run to the end; fail if a secret is printed or written."""
        return self._discreet(self.command(*arguments, environment={**self.environment, **environment}))

    def stop(self, number: signal.Signals, before: Callable[[], None] = lambda: None) -> Result:
        """Fetch the competition until part of it has arrived, call `before`, then send a signal."""
        arguments = ("fetch", "kaggle", COMPETITION, "-o", "data/")
        with self.command.start(*arguments, environment=self.environment) as process:
            wait_until(lambda: any(path.stat().st_size > 150_000 for path in self.data.rglob("*.zip")), process)
            before()
            process.send_signal(number)
            stdout, stderr = (stream.decode("utf-8") for stream in process.communicate())
        return self._discreet(Result(process.returncode, stdout, stderr))

    def _discreet(self, result: Result) -> Result:
        for secret in SECRETS:
            assert secret not in result.stdout + result.stderr
            assert not any(secret.encode() in content for content in self.command.contents().values())
        return result

    def fetch(self, *arguments: str, **environment: str) -> Result:
        """Fetch the competition into data/."""
        return self.run("fetch", "kaggle", COMPETITION, "-o", "data/", *arguments, **environment)


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    for name in ("USERNAME", "KEY", "API_TOKEN", "CONFIG_DIR"):
        monkeypatch.delenv(f"KAGGLE_{name}", raising=False)
    for name in ("HTTP_PROXY", "NO_PROXY", "no_proxy", "XDG_CONFIG_HOME", "VERBOSE", "VERBOSE_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    (home / ".kaggle").mkdir(parents=True)
    with kaggle_server() as (kaggle, server):
        kaggle.archives[COMPETITION] = zipped(
            {
                "train.tsv.zip": zipped({"train.tsv": TRAIN}),
                "test.tsv.zip": zipped({"test.tsv": TEST}),
                "sampleSubmission.csv": SAMPLE,
            }
        )
        environment = {
            "HOME": str(home),
            "http_proxy": server.url,
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "KAGGLE_API_TOKEN": TOKEN,
        }
        yield Setting(Command(folder), home, kaggle, server, environment)
