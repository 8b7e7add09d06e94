"""The command as a user runs it: a separate process with an exit code and two streams."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SCRIPT = Path(sys.executable).with_name("sentiment-batch")


@dataclass(frozen=True)
class Result:
    """How a process ended and what it printed."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """`sentiment-batch` with the first words of its command line, run in `folder`, through `runner` if there is one."""

    folder: Path
    words: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()

    def __call__(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        stdout: int | IO[bytes] = subprocess.PIPE,
        before: Callable[[], Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Run to the end; `before` is called in the child just before the command starts."""
        done = subprocess.run(
            [*self.runner, SCRIPT, *self.words, *map(str, arguments)],
            cwd=self.folder,
            input=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            preexec_fn=before,
            check=False,
        )
        return Result(
            done.returncode, (done.stdout or b"").decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8")
        )

    def start(
        self,
        *arguments: str | Path,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        before: Callable[[], Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start the command and leave it running; Ctrl-C stops it even where these tests are a background job."""

        def prepare() -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if before:
                before()

        return subprocess.Popen(
            [*self.runner, SCRIPT, *self.words, *map(str, arguments)],
            cwd=self.folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **(environment or {})},
            preexec_fn=prepare,
        )

    def contents(self) -> dict[str, bytes]:
        """Every file in the folder, hidden ones too."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


def error_line(result: Result) -> str:
    """Return the text after the only `Error: ` on stderr; fail if there are several, none, or a traceback."""
    assert "Traceback" not in result.stderr, result.stderr
    assert "Exception ignored" not in result.stderr, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    return errors[0].removeprefix("Error: ")
