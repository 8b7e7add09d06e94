"""Texts to the token sequences that are to be scored: each distinct one once, and which texts it belongs to."""

from collections.abc import Mapping, Sequence, Set
from types import NoneType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sentiment_batch.sequences import Sequences
from sentiment_batch.text import Tokenizer

NULL_TEXT = "null_text"
EMPTY_TEXT = "empty_text"

Texts = Sequence[str | None]


class Encoded(NamedTuple):
    """The distinct token sequences of N texts, and for each piece of a text, in their order, its sequence.

    `n_pieces`: int64 [N]. `piece_sequences`: int64 [pieces]. `n_tokens`: int32 [N]. `truncated`: bool [N]. `errors`:
    why a text has no pieces, `null_text` or `empty_text`; None where it has some. `unknown_tokens`: of all pieces.
    """

    sequences: Sequences
    n_pieces: npt.NDArray[np.int64]
    piece_sequences: npt.NDArray[np.int64]
    n_tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    errors: list[str | None]
    unknown_tokens: int

    @classmethod
    def of(cls, texts: Texts, tokenizer: Tokenizer) -> Self:
        """Raises ConfigurationError for a tokenizer that cannot do it, TypeError for what are no texts."""
        _require_texts(texts)
        encoded = tokenizer.encode([text or "" for text in texts])
        found = Sequences.of([piece for pieces, _ in encoded for piece in pieces])
        n_pieces = np.array([len(pieces) for pieces, _ in encoded], dtype=np.int64)
        sequences, piece_sequences = found.distinct()
        rows = np.repeat(np.arange(len(texts)), n_pieces)
        n_tokens = np.bincount(rows, weights=found.lengths, minlength=len(texts))
        return cls(
            sequences,
            n_pieces,
            piece_sequences,
            n_tokens=n_tokens.astype(np.int32),
            truncated=np.array([truncated for _, truncated in encoded], dtype=np.bool_),
            errors=[
                None if pieces else NULL_TEXT if text is None else EMPTY_TEXT
                for text, (pieces, _) in zip(texts, encoded, strict=True)
            ],
            unknown_tokens=int(np.count_nonzero(found.tokens == tokenizer.unknown_id)),
        )


def _require_texts(texts: Texts) -> None:
    if isinstance(texts, str | bytes | Mapping | Set) or not hasattr(texts, "__len__"):
        raise TypeError(f"texts is a list of str or None, not {type(texts).__name__}: put them into a list")
    # By their few types, not one by one: nothing that a run would notice.
    strange = [kind.__name__ for kind in set(map(type, texts)) if not issubclass(kind, str | NoneType)]
    if strange:
        raise TypeError(
            f"texts is a list of str or None, and holds {' and '.join(sorted(strange))}: make them strings "
            "(.to_pylist() does it for Arrow), and None where there is no text"
        )
