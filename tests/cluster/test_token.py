"""A cluster that requires a token."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.process import Command, error_line
from cli.tables import write_table
from cluster.ports import answers, free_port
from faults.waiting import wait_until

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}


@pytest.fixture
def locked_address(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    ray = shutil.which("ray", path=sysconfig.get_path("scripts"))
    assert ray
    started = subprocess.Popen(
        [ray, "start", "--head", "--block", "--port", str(port), "--num-cpus", "1", "--include-dashboard", "false"],
        env={**os.environ, **TOKEN, "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(port), started)
        yield f"127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait()


@pytest.mark.parametrize("token", [{}, TOKEN | {"RAY_AUTH_TOKEN": "b" * 64}], ids=["none", "wrong"])
def test_cluster_with_a_token(tmp_path: Path, locked_address: str, model: Path, token: dict[str, str]) -> None:
    """Without it there is one line that says what to set, and nothing else; with it the cluster scores."""
    score = Command(tmp_path, ("score", write_table(tmp_path / "r.csv"), "--model", model, "-q"))
    there = ("--engine", "ray", "--ray-address", locked_address)
    few_attempts = {"RAY_NUM_REDIS_GET_RETRIES": "1"}
    refused = score(*there, environment={**few_attempts, **token})
    assert refused.code == 74
    assert error_line(refused).endswith("set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH")
    assert score(*there, environment=TOKEN).code == 0
