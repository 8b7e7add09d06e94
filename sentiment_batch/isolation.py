"""Texts scored in a process of its own, for when one of them ends the process that scores it."""

import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.scoring import Scorer, Scores, ScoringOptions, Texts, concatenate


def score_survivors(scorer: Scorer, texts: Texts) -> tuple[Scores, dict[int, str]]:
    """Scores of all texts but those that cannot be scored, and of these, by their numbers, what happened.

    They are found by halves.
    """
    parts: list[Scores] = []
    failed: dict[int, str] = {}
    for start, found in _by_halves(scorer, texts, 0):
        if isinstance(found, str):
            failed[start] = f"scoring it ends in {found}"
        else:
            parts.append(found)
    return concatenate(parts or [scorer.score([])]), failed


def _by_halves(scorer: Scorer, texts: Texts, start: int) -> Iterator[tuple[int, Scores | str]]:
    found = _score_apart(scorer, texts)
    if isinstance(found, str) and len(texts) > 1:
        middle = len(texts) // 2
        yield from _by_halves(scorer, texts[:middle], start)
        yield from _by_halves(scorer, texts[middle:], start + middle)
    else:
        yield start, found


def _score_apart(scorer: Scorer, texts: Texts) -> Scores | str:
    """Scores, or the name of the signal or exception that ended the process; raises SentimentBatchError."""
    task = pickle.dumps((scorer.bundle.folder, scorer.options, texts))
    # -P: what lies in the working folder is not imported.
    done = subprocess.run([sys.executable, "-P", "-m", __name__], input=task, capture_output=True, check=False)
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SentimentBatchError(f"a process to score in did not start: {reason}")
    found: Scores | str = pickle.loads(done.stdout)
    return found


def _main() -> None:
    # These are for the process that waits for this one, and ends it.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    task: tuple[Path, ScoringOptions, Texts] = pickle.load(sys.stdin.buffer)
    folder, options, texts = task
    with Scorer.load(folder, options) as scorer:
        try:
            found: Scores | str = scorer.score(texts)
        except Exception as error:
            found = type(error).__name__  # its message may hold the text
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    _main()
