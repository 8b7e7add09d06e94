"""From an object store to an object store, by way of a cluster: with a server of S3 on this machine."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from cli.process import Command, error_line
from cluster.conftest import wait_until

SERVER = shutil.which("moto_server")

pytestmark = pytest.mark.skipif(SERVER is None, reason="needs moto_server on the PATH: pipx install 'moto[server]'")


@pytest.fixture
def store() -> Iterator[str]:
    """The address of a store with an empty bucket, which takes requests of everybody."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    command = [str(SERVER), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(answers, server)
    address = f"http://127.0.0.1:{port}"
    urlopen(Request(f"{address}/bucket", method="PUT")).close()
    yield address
    server.kill()
    server.wait()


def test_store_to_store(
    tmp_path: Path, store: str, address: str, slow_model: Path, rows: Path, undisturbed: dict[str, bytes]
) -> None:
    """What lies in the bucket in the end is what scoring files of this machine gives; nothing stays here."""
    kind = {"Content-Type": "text/csv"}
    urlopen(Request(f"{store}/bucket/reviews/r.csv", rows.read_bytes(), kind, method="PUT")).close()
    environment = {
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    (tmp_path / "state").mkdir()
    score = Command(tmp_path, ("score", "--model", str(slow_model), "-q", "--max-reject-rate", "0.01"))
    there = ("s3://bucket/reviews/", "-o", "s3://bucket/out.csv", "--engine", "ray", "--ray-address", address)
    scored = score(*there, environment=environment)
    assert scored.code == 3, scored
    for name, content in undisturbed.items():
        with urlopen(f"{store}/bucket/{name}") as response:
            # A reject names the file that it comes from.
            assert response.read().replace(b"s3://bucket/reviews", str(rows.parent).encode()) == content
    assert [path for path in (tmp_path / "state").rglob("*") if path.is_file()] == []
    verified = Command(tmp_path)("verify", "s3://bucket/out.csv", "--rescore", "100", environment=environment)
    assert verified.code == 0, error_line(verified)
