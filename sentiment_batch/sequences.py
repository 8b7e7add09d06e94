"""Token sequences of any lengths in one array, from which batches are cut without a loop."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sentiment_batch.arrays import IntegerArray


class Sequences(NamedTuple):
    """S sequences: number i is `tokens[starts[i] : starts[i] + lengths[i]]`.

    `tokens`: int32 [T]. `starts`, `lengths`: int64 [S]; every length is at least 1.
    """

    tokens: npt.NDArray[np.int32]
    starts: IntegerArray
    lengths: IntegerArray

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> Self:
        """One behind the other."""
        lengths = np.array(list(map(len, sequences)), dtype=np.int64)
        tokens = np.fromiter(chain.from_iterable(sequences), dtype=np.int32, count=int(lengths.sum()))
        return cls(tokens, np.cumsum(lengths) - lengths, lengths)

    def distinct(self) -> tuple[Self, IntegerArray]:
        """Each of them once, and for each of these sequences, int64 [S], which of them it is.

        Of sequences that stand one behind the other, as `of` leaves them.
        """
        content, size = self.tokens.tobytes(), self.tokens.itemsize
        edges = [0, *(np.cumsum(self.lengths) * size).tolist()]
        first: dict[bytes, int] = {}
        firsts = [first.setdefault(content[start:end], i) for i, (start, end) in enumerate(pairwise(edges))]
        kept, which = np.unique(np.array(firsts, dtype=np.int64), return_inverse=True)
        return self._replace(starts=self.starts[kept], lengths=self.lengths[kept]), which

    def padded(self, indices: IntegerArray, width: int) -> tuple[IntegerArray, IntegerArray]:
        """Token ids and mask, int64 [B, width] each, of B of them: tokens and 1, then, on the right, 0 and 0."""
        columns = np.arange(width)
        mask = (columns < self.lengths[indices, np.newaxis]).astype(np.int64)
        places = (self.starts[indices, np.newaxis] + columns) * mask
        return self.tokens[places] * mask, mask
