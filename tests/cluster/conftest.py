"""A two-node cluster on this machine, a slow model, and what local scoring makes of the same rows."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from bag_of_words import save_bag_of_words
from cli.process import Command

ray = pytest.importorskip("ray", reason="needs ray: pip install 'sentiment-batch[ray]'")

ROWS = 40_000
BROKEN = 17_000  # a row with one field too many


class Nodes:
    """A head and one other node, with one CPU each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.other = self.cluster.add_node(num_cpus=1)

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def remove_other(self) -> None:
        """Remove the other node without a graceful shutdown."""
        self.cluster.remove_node(self.other, allow_graceful=False)

    def remove_head(self) -> None:
        """Remove the head likewise."""
        self.cluster.remove_node(self.cluster.head_node, allow_graceful=False)


def scoring() -> list[psutil.Process]:
    """Return the processes that are scoring at this moment, on either node."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[:1] == ["ray::_score"]:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            pass
    return found


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    """A cluster for a test that breaks it."""
    nodes = Nodes()
    yield nodes
    nodes.cluster.shutdown()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a cluster that tests share."""
    nodes = Nodes()
    yield nodes.address
    nodes.cluster.shutdown()


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that takes about a second for each chunk."""
    folder = tmp_path_factory.mktemp("slow")
    save_bag_of_words(folder, copies=10_000)
    return folder


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five chunks of CSV in which all texts differ, with one record that cannot be read."""
    path = tmp_path_factory.mktemp("rows") / "r.csv"
    texts = itertools.islice(itertools.product(("a", "good", "bad"), repeat=10), ROWS)
    lines = [f"{row},{' '.join(words)}{',x' if row == BROKEN else ''}\n" for row, words in enumerate(texts)]
    path.write_text("id,text\n" + "".join(lines), "utf-8")
    return path


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, slow_model: Path, rows: Path) -> dict[str, bytes]:
    """The output and the rejects of scoring the rows on this machine."""
    folder = tmp_path_factory.mktemp("undisturbed")
    score = Command(folder, ("score", "--model", str(slow_model), "-q", "--max-reject-rate", "0.01"))
    assert score(rows, "-o", "out.csv").code == 3
    contents = score.contents()
    return {name: contents[name] for name in ("out.csv", "out.csv.rejects.jsonl")}


@pytest.fixture
def score(tmp_path: Path, slow_model: Path) -> Command:
    words = ("score", "--model", str(slow_model), "-q", "--max-reject-rate", "0.01", "--engine", "ray")
    return Command(tmp_path, words)


@pytest.fixture(autouse=True, scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give Ray, which keeps a token in the home folder, a temporary one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.pop("RAY_ADDRESS", None)
        yield
