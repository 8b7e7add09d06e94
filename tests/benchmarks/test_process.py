"""Measured processes end when the benchmark does."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Connects to say that it is running, then waits for a minute at most.
MEASURED = """
import signal, socket
connection = socket.create_connection(("127.0.0.1", {}))
signal.alarm(60)
signal.pause()
"""

BENCHMARK = """
import sys
from benchmarks.__main__ import main
from benchmarks.process import in_subprocess, run

@main.command()
def measure():
    {}

main(["measure"])
"""


@pytest.mark.parametrize(
    "start",
    ["run([sys.executable, '-c', sys.argv[1]])", "in_subprocess(exec, sys.argv[1])"],
    ids=["run", "in_subprocess"],
)
def test_what_is_measured_ends_with_the_benchmark(start: str) -> None:
    """SIGTERM sent to the benchmark alone also ends the process being measured, before the benchmark ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        measured = MEASURED.format(server.getsockname()[1])
        command = [sys.executable, "-c", BENCHMARK.format(start), measured]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as benchmark:
            connection, _ = server.accept()
            benchmark.send_signal(signal.SIGTERM)
            assert benchmark.communicate(timeout=30)[1].strip() == "Aborted!"
            connection.setblocking(False)
            assert connection.recv(1) == b""  # the other end is closed; if the process still lived, this would block
            connection.close()
