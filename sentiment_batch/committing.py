"""Chunks scored and kept, one by one: rows with their predictions, rejects, and what became of them."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sentiment_batch.distribution import Distribution
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.events import tell
from sentiment_batch.isolation import score_survivors
from sentiment_batch.journal import Tally
from sentiment_batch.parts import Part
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.reader import Reader
from sentiment_batch.scores import Scores
from sentiment_batch.scoring import CHUNKS_AT_WORK, Scorer
from sentiment_batch.sources import Chunk, Reject, require_all
from sentiment_batch.staging import Staging
from sentiment_batch.summary import Progress


def commit_chunks(
    reader: Reader, staging: Staging, scorer: Scorer, columns: PredictionColumns, progress: Progress
) -> None:
    """Score and commit every chunk that is not yet.

    Raises ConfigurationError unless those that are were read from the same records, and what reading, scoring and
    committing do.
    """

    def changed() -> ConfigurationError:
        name = reader.source.name
        return ConfigurationError(f"{name} has changed since the unfinished run began: start over with --restart")

    def unfinished() -> Iterator[Chunk]:
        for chunk in reader.chunks():
            finished = staging.finished(chunk.place)
            if finished is None:
                yield chunk
            elif finished.content_sha256 != chunk.sha256:
                raise changed()
            else:
                progress.add(finished.tally, reader.total, resumed=True)
                tell("resumed", chunk=chunk.place, **finished.tally.rows)

    def keep(chunk: Chunk, scores: Scores, crashed: Mapping[int, str]) -> None:
        progress.add(commit_chunk(staging, chunk, scores, columns, crashed), reader.total)

    chunks = unfinished()
    # If a process was killed, perhaps it was by one of the texts that it was at.
    suspects = list(islice(chunks, CHUNKS_AT_WORK)) if staging.was_killed else []
    if suspects:
        survivors = score_survivors(scorer, [chunk.texts for chunk in suspects])
        for chunk, (scores, crashed) in zip(suspects, survivors, strict=True):
            keep(chunk, scores, crashed)
    for chunk, scores in scorer.stream(chunks, lambda chunk: chunk.texts):
        keep(chunk, scores, {})
    require_all(progress.records_of_job, reader.rows)
    if staging.tally.rows_in != progress.records_of_job:
        raise changed()


def commit_chunk(
    staging: Staging, chunk: Chunk, scores: Scores, columns: PredictionColumns, crashed: Mapping[int, str]
) -> Tally:
    """Keep what became of a chunk's rows and rejects, and say what that is; raises OSError.

    `crashed` holds the rows that were not scored because that ends the process, by their numbers, with the reason: they
    are rejected.
    """
    kept = chunk.without(crashed)
    predictions = columns.batch(scores)
    tally = tally_of(scores, kept.rejects, columns.distribution(predictions, scores.unknown_tokens))
    rejects = [json.dumps({"input": kept.input, **reject.record()}, ensure_ascii=False) for reject in kept.rejects]
    part = Part(kept.records, predictions, kept.lines, rejects)
    staging.commit(chunk.place, chunk.sha256, part, tally, crashed)
    tell("committed", chunk=chunk.place, **tally.rows)
    if kept.rejects:
        tell("rejected", logging.WARNING, chunk=chunk.place, rows=len(kept.rejects), first=str(kept.rejects[0]))
    return tally


def tally_of(scores: Scores, rejects: Sequence[Reject], distribution: Distribution) -> Tally:
    """What became of the rows and rejects of a chunk; `distribution` is that of its predictions."""
    unscorable = sum(error is not None for error in scores.errors)
    scored = len(scores.errors) - unscorable
    return Tally(scored, unscorable, len(rejects), int(scores.n_tokens.sum()), scores.padding_tokens, distribution)
