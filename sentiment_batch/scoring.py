"""Texts to probabilities: encode, bucket by length, run on all threads, put back in order.

A row's numbers depend on its text, the model and `ScoringOptions.max_tokens` and `long_text` alone: not on its
neighbours, the batches or the number of threads.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import numpy as np

from sentiment_batch.arrays import FloatArray
from sentiment_batch.batching import Batch, plan_batches
from sentiment_batch.bundle import ModelBundle
from sentiment_batch.cuda import wheel_problem
from sentiment_batch.encoding import Encoded, Texts
from sentiment_batch.errors import ConfigurationError, UsageError
from sentiment_batch.hardware import usable_cores
from sentiment_batch.scores import Scores, mean_of_pieces, softmax
from sentiment_batch.sequences import Sequences
from sentiment_batch.session import Device, Session
from sentiment_batch.text import LongText, Tokenizer

CHUNKS_AT_WORK = 3

# A core is fastest on what its cache holds, a GPU on what keeps all of it busy.
BATCH_TOKENS = {Device.CPU: 384, Device.CUDA: 65_536}
# Of the lengths of padded batches: few shapes, of the sizes that GPUs multiply matrices in.
PADDED_MULTIPLE = 8
# Threads that wait for CUDA, each for a run of its own: while one is computed, the other's tokens get there.
_RUNS_ON_CUDA = 2

Chunk = TypeVar("Chunk")


@dataclass(frozen=True)
class ScoringOptions:
    """`threads` None means every usable core, or two for CUDA; `batch_tokens`, by default BATCH_TOKENS of the device,
    bounds the tokens of one run of the model, padding included.

    `threads_per_run` of them work on each run on a CPU: 1 scores many texts fastest; None, all of them on one run, a
    single long text.

    `device` is where to run; `max_tokens` of a text are read, special tokens included, None: as many as the model can;
    `long_text` is which of them. For the two enums their values serve too, such as "windows". Raises UsageError for
    what none of these can be.
    """

    device: Device = Device.AUTO
    threads: int | None = None
    batch_tokens: int | None = None
    max_tokens: int | None = None
    long_text: LongText = LongText.HEAD_TAIL
    threads_per_run: int | None = 1

    def __post_init__(self) -> None:
        for name, kind in (("device", Device), ("long_text", LongText)):
            value = getattr(self, name)
            if value not in list(kind):
                raise UsageError(f"{name} is one of {', '.join(kind)}, not {value!r}")
            object.__setattr__(self, name, kind(value))  # the others see it frozen
        for name in ("threads", "batch_tokens", "max_tokens", "threads_per_run"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise UsageError(f"{name} is a whole number above 0, or None, not {value!r}")


class _Running(NamedTuple):
    """Encoded texts whose batches are with the threads."""

    encoded: Encoded
    batches: list[Batch]
    logits: list[Future[FloatArray]]


class Scorer:
    """A bundle ready to score. Safe to use from one thread at a time; close it, or use it in a `with` block.

    `options` are those that it works with: none of them is left to be chosen.
    """

    engine = "local"

    def __init__(self, bundle: ModelBundle, session: Session, options: ScoringOptions) -> None:
        self.bundle = bundle
        self.provider = session.provider
        self.device = session.device
        self.threads = options.threads or (_RUNS_ON_CUDA if self.device is Device.CUDA else usable_cores().count)
        runs = max(1, self.threads // session.threads)
        self._batch_tokens = options.batch_tokens or BATCH_TOKENS[self.device]
        self._session = session
        if isinstance(session.labels, int) and session.labels != len(bundle.labels):
            raise ConfigurationError(
                f"{bundle.graph} has {session.labels} outputs for {len(bundle.labels)} labels: "
                "copy or export the model again"
            )
        max_tokens = options.max_tokens or bundle.max_tokens
        if max_tokens > bundle.max_tokens:
            raise ConfigurationError(f"the model reads at most {bundle.max_tokens} tokens: lower --max-tokens")
        self.options = replace(
            options,
            device=self.device,
            threads=self.threads,
            batch_tokens=self._batch_tokens,
            max_tokens=max_tokens,
            threads_per_run=session.threads,
        )
        self._tokenizer = Tokenizer(bundle.tokenizer, max_tokens, options.long_text)
        self._require_embeddings()
        self._pool = ThreadPoolExecutor(runs, thread_name_prefix="score")
        self._is_closed = False
        self._process = os.getpid()

    @classmethod
    def load(cls, model: str | PathLike[str] | None = None, options: ScoringOptions | None = None) -> Self:
        """Load the bundle in folder `model`, the embedded default if None.

        Raises ConfigurationError, and TypeError for options that are no ScoringOptions.
        """
        options = ScoringOptions() if options is None else options
        if not isinstance(options, ScoringOptions):
            raise TypeError(f"options is a ScoringOptions or None, not {type(options).__name__}")
        threads = options.threads_per_run or options.threads or usable_cores().count
        bundle, session = _open(None if model is None else Path(model), options.device, threads)
        return cls(bundle, session, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the work that has not begun and wait for the runs under way; after that nothing is scored."""
        self._is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def score(self, texts: Texts) -> Scores:
        """Score the texts, in their order.

        Raises TypeError for what is no list of strings and None, ConfigurationError for a model that cannot do it, and
        RuntimeError after `close`, or in a fork of the process that loaded it.
        """
        self._require_open()
        encoded = Encoded.of(texts, self._tokenizer)
        batches = self._plan(encoded)
        # For a single batch, as a single text is, another thread would only have to be woken.
        run_each = map if len(batches) == 1 else self._pool.map
        logits = run_each(lambda batch: self._run(encoded.sequences, batch), batches)
        return self._finish(encoded, batches, logits)

    def stream(self, chunks: Iterable[Chunk], texts_of: Callable[[Chunk], Texts]) -> Iterator[tuple[Chunk, Scores]]:
        """Score chunk after chunk, in order, keeping the threads busy across their edges.

        While one chunk is scored, the batches of the next are queued behind it and the one after that is encoded.
        At most four chunks are held at a time, of which CHUNKS_AT_WORK are with the threads. Raises what `score` does.
        """
        encoding: deque[tuple[Chunk, Future[Encoded]]] = deque()
        running: deque[tuple[Chunk, _Running]] = deque()

        def start_oldest() -> None:
            self._require_open()
            chunk, encoded = encoding.popleft()
            running.append((chunk, self._start(encoded.result())))

        def finish_oldest() -> tuple[Chunk, Scores]:
            self._require_open()
            chunk, (encoded, batches, logits) = running.popleft()
            return chunk, self._finish(encoded, batches, map(Future.result, logits))

        try:
            for chunk in chunks:
                self._require_open()
                # Queued before the batches of the chunk ahead of it, so that it is ready when they are done.
                encoding.append((chunk, self._pool.submit(Encoded.of, texts_of(chunk), self._tokenizer)))
                if len(encoding) > 1:
                    start_oldest()
                if len(running) > 1:
                    yield finish_oldest()
            while encoding:
                start_oldest()
            while running:
                yield finish_oldest()
        finally:
            # After an error nobody waits for the rest, and what is scored next would stand behind it.
            for _, encoded in encoding:
                encoded.cancel()
            for _, work in running:
                for run in work.logits:
                    run.cancel()

    def _require_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("this scorer is closed: load another")
        if os.getpid() != self._process:
            # A fork has none of the threads that its parent's pool counts on.
            raise RuntimeError("this scorer was loaded before a fork: load another in this process")

    def _require_embeddings(self) -> None:
        """A token that the graph lacks is found before the first text, and not where it occurs in one.

        Not on CUDA, whose kernels take a token without an embedding for zeros.
        """
        token, last = self._tokenizer.last_token
        try:
            self._session.run(np.array([[last]], dtype=np.int64))
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error}: tried with its last token, {token!r} ({last}): export the model again with the tokenizer "
                "that it was trained with"
            ) from error

    def _plan(self, encoded: Encoded) -> list[Batch]:
        return plan_batches(encoded.sequences.lengths, self._batch_tokens, PADDED_MULTIPLE if self._session.pads else 1)

    def _start(self, encoded: Encoded) -> _Running:
        batches = self._plan(encoded)
        runs = [self._pool.submit(self._run, encoded.sequences, batch) for batch in batches]
        return _Running(encoded, batches, runs)

    def _run(self, sequences: Sequences, batch: Batch) -> FloatArray:
        """Logits of those sequences; in halves, if the model fails on all of them at once: it may lack the memory."""
        indices, length = batch
        try:
            logits = self._session.run(*sequences.padded(indices, length))
        except ConfigurationError:
            raise
        except Exception:  # the bindings raise classes of their own, derived from Exception
            if len(indices) == 1:
                raise
            middle = len(indices) // 2
            halves = (Batch(indices[:middle], length), Batch(indices[middle:], length))
            return np.concatenate([self._run(sequences, half) for half in halves])
        if logits.shape != (len(indices), len(self.bundle.labels)) or not np.isfinite(logits).all():
            raise ConfigurationError(
                f"{self.bundle.graph} does not give one finite number for each of {len(self.bundle.labels)} labels: "
                "copy or export the model again"
            )
        return logits

    def _finish(self, encoded: Encoded, batches: Sequence[Batch], outputs: Iterable[FloatArray]) -> Scores:
        """`outputs`: the logits of each batch."""
        lengths = encoded.sequences.lengths
        logits = np.empty((len(lengths), len(self.bundle.labels)), dtype=np.float32)
        for batch, output in zip(batches, outputs, strict=True):
            logits[batch.indices] = output
        probabilities = mean_of_pieces(softmax(logits)[encoded.piece_sequences], encoded.n_pieces)
        return Scores(
            probabilities=self.bundle.temperature.scale(probabilities, encoded.n_tokens),
            n_tokens=encoded.n_tokens,
            truncated=encoded.truncated,
            errors=encoded.errors,
            padding_tokens=sum(len(batch.indices) * batch.length for batch in batches) - int(lengths.sum()),
            unknown_tokens=encoded.unknown_tokens,
        )


def _open(model: Path | None, device: Device, threads: int) -> tuple[ModelBundle, Session]:
    if device is Device.AUTO:
        if wheel_problem():
            return _open(model, Device.CPU, threads)
        try:
            return _open(model, Device.CUDA, threads)
        except ConfigurationError:  # no float graph, or no working CUDA for it; a broken bundle fails again below
            return _open(model, Device.CPU, threads)
    bundle = ModelBundle.load(model, only_float=device is Device.CUDA)
    return bundle, Session(bundle.graph, device, threads)
