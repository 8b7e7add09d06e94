"""Texts scored in a process of its own, for when one of them ends the process that scores it."""

import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sentiment_batch.encoding import Texts
from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.scores import Scores, concatenate
from sentiment_batch.scoring import Scorer, ScoringOptions

_HARMLESS = "good"
# Behind it on stdout is what was found; before it, what others print, such as a sitecustomize.py.
_FOUND = b"\0found\0"


def score_survivors(scorer: Scorer, chunks: Sequence[Texts]) -> Iterator[tuple[Scores, dict[int, str]]]:
    """For each chunk, scores of all texts but those that cannot be scored, and of these, by their numbers, the reason.

    They are found by halves. Raises SentimentBatchError, also if no text at all can be scored in another process.
    """
    found = _score_apart(scorer, chunks)
    if isinstance(found, str):
        # Before every row is blamed for what is not its fault: a second model may not fit into memory.
        if isinstance(_score_apart(scorer, [[_HARMLESS]]), str):
            raise SentimentBatchError(
                f"every scoring process ends with {found}, even on a harmless text: it may lack memory: "
                "run the same command again to continue"
            )
        yield from (_by_halves(scorer, texts) for texts in chunks)
    else:
        yield from ((scores, {}) for scores in found)


def _by_halves(scorer: Scorer, texts: Texts) -> tuple[Scores, dict[int, str]]:
    found = _score_apart(scorer, [texts])
    if not isinstance(found, str):
        return found[0], {}
    if len(texts) == 1:
        return scorer.score([]), {0: f"scoring it ends in {found}"}
    middle = len(texts) // 2
    first, failed = _by_halves(scorer, texts[:middle])
    second, also_failed = _by_halves(scorer, texts[middle:])
    return concatenate([first, second]), failed | {middle + row: reason for row, reason in also_failed.items()}


def _score_apart(scorer: Scorer, chunks: Sequence[Texts]) -> list[Scores] | str:
    """Scores, or the name of the signal or exception that ended the process; raises SentimentBatchError."""
    task = pickle.dumps((scorer.bundle.folder, scorer.options, list(chunks)))
    # -P: what lies in the working folder is not imported.
    done = subprocess.run([sys.executable, "-P", "-m", __name__], input=task, capture_output=True, check=False)
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SentimentBatchError(f"a process to score in could not be started: {reason}")
    found: list[Scores] | str = pickle.loads(done.stdout.partition(_FOUND)[2])
    return found


def _main() -> None:
    # These are for the process that waits for this one, and ends it.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    task: tuple[Path, ScoringOptions, list[Texts]] = pickle.load(sys.stdin.buffer)
    folder, options, chunks = task
    with Scorer.load(folder, options) as scorer:
        try:
            found: list[Scores] | str = [scorer.score(texts) for texts in chunks]
        except Exception as error:
            found = type(error).__name__  # its message may hold the text
    sys.stdout.buffer.write(_FOUND + pickle.dumps(found))


if __name__ == "__main__":
    _main()
