"""Texts to the token sequences that are to be scored: each distinct one once, and which texts it belongs to."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sentiment_batch.text import Tokenizer

NULL_TEXT = "null_text"
EMPTY_TEXT = "empty_text"

Texts = Sequence[str | None]


class Encoded(NamedTuple):
    """The distinct token sequences of N texts, and for each piece of a text: its row and its sequence.

    `piece_rows`, `piece_sequences`: int64 [pieces]. `n_tokens`: int32 [N]. `truncated`: bool [N]. `errors`: why a text
    has no pieces, `null_text` or `empty_text`; None where it has some. `unknown_tokens`: of all pieces.
    """

    sequences: list[list[int]]
    piece_rows: npt.NDArray[np.int64]
    piece_sequences: npt.NDArray[np.int64]
    n_tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    errors: list[str | None]
    unknown_tokens: int

    @classmethod
    def of(cls, texts: Texts, tokenizer: Tokenizer) -> Self:
        """Raises ConfigurationError for a tokenizer that cannot do it."""
        encoded = tokenizer.encode([text or "" for text in texts])
        distinct: dict[bytes, int] = {}
        sequences: list[list[int]] = []
        piece_rows: list[int] = []
        piece_sequences: list[int] = []
        keys: list[bytes] = []
        for row, (pieces, _) in enumerate(encoded):
            for piece in pieces:
                key = np.array(piece, dtype=np.int32).tobytes()
                index = distinct.setdefault(key, len(sequences))
                if index == len(sequences):
                    sequences.append(piece)
                piece_rows.append(row)
                piece_sequences.append(index)
                keys.append(key)
        tokens = np.frombuffer(b"".join(keys), dtype=np.int32)
        return cls(
            sequences,
            np.array(piece_rows, dtype=np.int64),
            np.array(piece_sequences, dtype=np.int64),
            n_tokens=np.array([sum(map(len, pieces)) for pieces, _ in encoded], dtype=np.int32),
            truncated=np.array([truncated for _, truncated in encoded], dtype=np.bool_),
            errors=[
                None if pieces else NULL_TEXT if text is None else EMPTY_TEXT
                for text, (pieces, _) in zip(texts, encoded, strict=True)
            ],
            unknown_tokens=int(np.count_nonzero(tokens == tokenizer.unknown_id)),
        )
