"""Scoring on the CPUs of a Ray cluster: the same chunks in the same order, and the same bits, as on one machine.

Only texts go out, and only scores come back. Reading, committing and publishing stay with the process that was started,
so that resuming, rejects, receipt and proof are those of every run. A process or a node that dies has written nothing:
Ray scores what it was at elsewhere.
"""

import logging
import os
import re
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.encoding import Texts
from sentiment_batch.errors import CrashError, InputOutputError, UsageError, first_line
from sentiment_batch.hardware import usable_cores
from sentiment_batch.replica import Replica
from sentiment_batch.scores import Scores, concatenate
from sentiment_batch.scoring import Chunk, Scorer, ScoringOptions
from sentiment_batch.session import Device, Session

# Ray reads these when it is imported: it is to report nothing to its makers, and to print nothing among the rows.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "^"

import ray  # behind what it reads
from ray.exceptions import AuthenticationError, OutOfMemoryError, RayError, RayTaskError

# One or two seconds of a CPU's work: a small file, too, has some for every CPU, and what dies has not done much.
_PIECE_CHARACTERS = 2**16
_RETRIES = 3
_PATIENCE_SECONDS = 10
_ADDRESS = re.compile(r"\[?(?P<host>[^/\s]+?)\]?:(?P<port>[0-9]{1,5})")  # in brackets, an IPv6 host


class _Sent(NamedTuple):
    """A chunk's texts with the cluster, in pieces; `rows` are their numbers in the order of the pieces."""

    rows: npt.NDArray[np.int64]
    pieces: list["Future[Scores]"]


class ClusterScorer(Scorer):
    """A Scorer that has the processes of the connected cluster score what it streams; see `connected`.

    `threads` are the cluster's CPUs.
    """

    engine = "ray"

    def __init__(self, bundle: ModelBundle, session: Session, options: ScoringOptions) -> None:
        super().__init__(bundle, session, options)
        self.threads = _cpus()
        # As an item of a list it stays a reference, which a process follows once.
        self._replica = [ray.put(Replica.of(self))]
        self._remote = ray.remote(num_cpus=1, max_retries=_RETRIES)(_score)

    @classmethod
    def load(cls, model: str | os.PathLike[str] | None = None, options: ScoringOptions | None = None) -> Self:
        """Load the bundle as Scorer.load does, for CPUs; raises UsageError for another device."""
        options = options or ScoringOptions()
        if options.device is Device.CUDA:
            raise UsageError("--engine ray scores on CPUs: leave out --device cuda")
        return super().load(model, replace(options, device=Device.CPU))

    def stream(self, chunks: Iterable[Chunk], texts_of: Callable[[Chunk], Texts]) -> Iterator[tuple[Chunk, Scores]]:
        """Score chunk after chunk, in order, keeping all CPUs of the cluster busy.

        As many chunks are held as have two pieces for each CPU, and two more. Raises what scoring raised; CrashError
        for a text that ends each process that scores it; InputOutputError if the cluster answers no longer.
        """
        sent: deque[tuple[Chunk, _Sent]] = deque()
        for chunk in chunks:
            sent.append((chunk, self._send(texts_of(chunk))))
            # There may be more CPUs than a minute ago.
            while sum(len(work.pieces) for _, work in sent) - len(sent[0][1].pieces) >= 2 * _cpus():
                yield _receive(*sent.popleft())
        while sent:
            yield _receive(*sent.popleft())

    def _send(self, texts: Texts) -> _Sent:
        """Texts of like length go together, so that batches are as full as those of the whole chunk; longest first."""
        lengths = np.array([len(text or "") for text in texts], dtype=np.int64)
        rows = np.argsort(-lengths, kind="stable")
        edges = np.flatnonzero(np.diff(np.cumsum(lengths[rows]) // _PIECE_CHARACTERS)) + 1
        pieces = [[texts[row] for row in piece] for piece in np.split(rows, edges)]
        return _Sent(rows, [self._remote.remote(self._replica, piece).future() for piece in pieces])


@contextmanager
def connected(address: str | None, cpus: int | None) -> Iterator[None]:
    """A connection to the Ray cluster at `address`; None makes one of so many CPUs of this machine.

    Raises InputOutputError if none answers there, UsageError for what is no address.
    """
    if address and address != "auto":
        _require_answer(address)
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    own = {} if address else {"num_cpus": cpus or usable_cores().count, "include_dashboard": False}
    handler = signal.getsignal(signal.SIGTERM)
    stopped = False
    try:
        with _silent_stderr():
            ray.init(address or "local", log_to_driver=False, configure_logging=False, **own)
    except SystemExit:  # Ray's own answer to SIGTERM
        stopped = True
    except (ConnectionError, AuthenticationError) as error:
        problem, _, _ = first_line(error).partition(". ")
        raise InputOutputError(
            f"no connection to a Ray cluster: {problem}: if it requires a token, set RAY_AUTH_MODE=token, and "
            "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
        ) from error
    except (RuntimeError, ValueError) as error:
        raise InputOutputError(f"no connection to a Ray cluster: {first_line(error)}") from error
    finally:
        signal.signal(signal.SIGTERM, handler)
    try:
        if stopped:
            signal.raise_signal(signal.SIGTERM)
        yield
    finally:
        ray.shutdown()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Ray's C++ writes there whenever it tries again; what it comes to is raised."""
    stderr = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _require_answer(address: str) -> None:
    """Ray itself would try for hours; once connected, for a minute, and then end this process."""
    found = _ADDRESS.fullmatch(address)
    if not found or int(found["port"]) >= 2**16:
        raise UsageError(f"{address!r} is not the address of a Ray cluster: give HOST:PORT, or auto")
    try:
        socket.create_connection((found["host"], int(found["port"])), timeout=_PATIENCE_SECONDS).close()
    except OSError as error:
        raise InputOutputError(f"no Ray cluster answers at {address}: {first_line(error)}") from error


def _require_cluster() -> None:
    """Raise InputOutputError if the head of the connected cluster answers no longer."""
    _require_answer(ray.get_runtime_context().gcs_address)


def _score(replica: Sequence["ray.ObjectRef[Replica]"], texts: Texts) -> Scores:
    """Runs in the processes of the cluster."""
    return _scorer(replica[0]).score(texts)


@lru_cache(maxsize=1)
def _scorer(replica: "ray.ObjectRef[Replica]") -> Scorer:
    # It has one CPU. The library reads this when it first works.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    loaded: Scorer = ray.get(replica).load()
    return loaded


def _receive(chunk: Chunk, sent: _Sent) -> tuple[Chunk, Scores]:
    return chunk, concatenate([_result(piece) for piece in sent.pieces]).take(np.argsort(sent.rows))


def _result(piece: "Future[Scores]") -> Scores:
    # Not by ray.get: it would swallow what the handler of a signal raises.
    while not wait([piece], _PATIENCE_SECONDS).done:
        _require_cluster()
    try:
        return piece.result()
    except OutOfMemoryError as error:
        raise MemoryError from error
    except RayTaskError as error:
        raise error.cause from error
    except RayError as error:
        raise CrashError(
            f"scoring the next rows has ended {_RETRIES + 1} processes of the cluster: "
            "the same command again looks for the row that does, and rejects it"
        ) from error


def _cpus() -> int:
    """How many CPUs the cluster has now; at least one, for it may be about to get some."""
    _require_cluster()
    return max(1, int(ray.cluster_resources().get("CPU", 0)))
