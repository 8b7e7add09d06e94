"""The command on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping

from cli.process import Command

EVERY_UPDATE = {"TQDM_MININTERVAL": "0", "TQDM_MINITERS": "0"}


def run_on_terminal(command: Command, *arguments: str, environment: Mapping[str, str] = EVERY_UPDATE) -> str:
    """What the command shows on a terminal 100 characters wide."""
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    null = subprocess.DEVNULL
    with command.start(*arguments, stdin=null, stdout=null, stderr=stderr, environment=environment) as process:
        os.close(stderr)
        shown = b""
        while part := _read(terminal):
            shown += part
    os.close(terminal)
    assert process.returncode == 0
    return shown.decode("utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux's end of file, when the last process has closed its side
        return b""
