"""A chunk that has been scored, as it is kept: its rows with their predictions, its rejects, its tally."""

import json
import logging
from collections.abc import Mapping, Sequence

from sentiment_batch.distribution import Distribution
from sentiment_batch.events import tell
from sentiment_batch.journal import Tally
from sentiment_batch.parts import Part
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.scores import Scores
from sentiment_batch.sources import Chunk, Reject
from sentiment_batch.staging import Staging


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
