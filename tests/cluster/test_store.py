"""From object store to object store through a cluster, with an S3 server on this machine."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from cli.process import Command, error_line
from cli.tables import REVIEWS, read_table, write_table
from cluster.ports import answers, free_port
from faults.waiting import wait_until

SERVER = shutil.which("moto_server")

pytestmark = pytest.mark.skipif(SERVER is None, reason="needs moto_server on the PATH: pipx install 'moto[server]'")


@pytest.fixture
def store() -> Iterator[str]:
    """The address of a store with an empty bucket that accepts requests from anybody."""
    port = free_port()
    command = [str(SERVER), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: answers(port), server)
    address = f"http://127.0.0.1:{port}"
    urlopen(Request(f"{address}/bucket", method="PUT")).close()
    yield address
    server.kill()
    server.wait()


def put(address: str, content: bytes) -> None:
    urlopen(Request(address, content, {"Content-Type": "application/octet-stream"}, method="PUT")).close()


def access(store: str, folder: Path) -> dict[str, str]:
    """Return the environment with access to the store and a state folder to assemble outputs in."""
    (folder / "state").mkdir()
    return {
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_STATE_HOME": str(folder / "state"),
    }


def nothing_stays(folder: Path) -> bool:
    return not any(path.is_file() for path in (folder / "state").rglob("*"))


def test_store_to_store(
    tmp_path: Path, store: str, address: str, slow_model: Path, rows: Path, undisturbed: dict[str, bytes]
) -> None:
    """The objects in the bucket equal the files that local scoring gives, and nothing stays on this machine."""
    put(f"{store}/bucket/reviews/r.csv", rows.read_bytes())
    environment = access(store, tmp_path)
    score = Command(tmp_path, ("score", "--model", str(slow_model), "-q", "--max-reject-rate", "0.01"))
    there = ("s3://bucket/reviews/*.csv", "-o", "s3://bucket/out.csv", "--engine", "ray", "--ray-address", address)
    scored = score(*there, environment=environment)
    assert scored.code == 3, scored
    for name, content in undisturbed.items():
        with urlopen(f"{store}/bucket/{name}") as response:
            # A reject names the file it comes from.
            assert response.read().replace(b"s3://bucket/reviews", str(rows.parent).encode()) == content
    assert nothing_stays(tmp_path)
    verified = Command(tmp_path)("verify", "s3://bucket/out.csv", "--rescore", "100", environment=environment)
    assert verified.code == 0, error_line(verified)


def test_folder_to_folder(tmp_path: Path, store: str, address: str, model: Path) -> None:
    """Parquet files of a folder are scored into a new folder, or with --force an existing one, and can be verified."""
    environment = access(store, tmp_path)
    for name, reviews in (("100 %.parquet", REVIEWS), ("2.parquet", REVIEWS[:2])):
        put(f"{store}/bucket/reviews/{quote(name)}", write_table(tmp_path / name, reviews).read_bytes())
    command = Command(tmp_path)
    there = ("score", "s3://bucket/reviews/", "-o", "s3://bucket/scored/", "--model", model, "-q", "--engine", "ray")
    for options, code in (((), 0), ((), 2), (("--force",), 0)):
        scored = command(*there, "--ray-address", address, *options, environment=environment)
        assert scored.code == code, scored
    assert nothing_stays(tmp_path)
    with urlopen(f"{store}/bucket/scored/part-00000.parquet") as response:
        (tmp_path / "found.parquet").write_bytes(response.read())
    found = [(row["id"], row["sentiment"]) for row in read_table(tmp_path / "found.parquet")]
    assert [row for row, _ in found] == [review["id"] for review in (*REVIEWS, *REVIEWS[:2])]
    assert [sentiment for _, sentiment in found[:3]] == ["very positive", "very negative", None]
    verified = command("verify", "s3://bucket/scored/", "--rescore", "6", environment=environment)
    assert verified.code == 0, error_line(verified)
    refused = command(*there[:2], "-o", "s3://nowhere/scored/", "--model", model, environment=environment)
    assert (refused.code, error_line(refused)) == (73, "s3://nowhere/scored/: no such bucket: create it first")
    assert nothing_stays(tmp_path)
    put(f"{store}/bucket/scored/part-00001.parquet", b"x")
    verified = command("verify", "s3://bucket/scored/", environment=environment)
    assert verified.code == 65
    assert error_line(verified).startswith("s3://bucket/scored/: files: ")
