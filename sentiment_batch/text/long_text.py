"""How to cut a text with more tokens than the model can read."""

from enum import StrEnum
from itertools import pairwise


class LongText(StrEnum):
    """How a long text is cut.

    HEAD keeps the first tokens. HEAD_TAIL, the default everywhere, fills a quarter of the room with the first tokens
    and the rest with the last: reviews tend to give their verdict at the end (Sun et al. 2019, "How to Fine-Tune BERT
    for Text Classification?"). WINDOWS keeps everything, in pieces as equal as possible, whose probabilities are
    averaged.
    """

    HEAD = "head"
    HEAD_TAIL = "head-tail"
    WINDOWS = "windows"

    def cut(self, tokens: list[int], room: int) -> list[list[int]]:
        """Cut `tokens` into pieces of at most `room` (≥ 1) tokens each; a text that fits is one piece, unchanged."""
        if len(tokens) <= room:
            return [tokens]
        if self is LongText.HEAD:
            return [tokens[:room]]
        if self is LongText.HEAD_TAIL:
            head = room // 4
            return [tokens[:head] + tokens[len(tokens) - (room - head) :]]
        count = -(-len(tokens) // room)
        edges = [len(tokens) * i // count for i in range(count + 1)]
        return [tokens[start:end] for start, end in pairwise(edges)]
