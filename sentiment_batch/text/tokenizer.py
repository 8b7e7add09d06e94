"""Tokenize texts with the model's own `tokenizer.json`.

Truncation and padding settings in that file are ignored: sentence-transformers models, for example, ship a limit of 128
tokens there. `LongText` does the cutting here, and padding is never needed.

While it works, the library needs over a hundred times a text's size in memory. So it gets few texts at a time, and a
very long one in parts, cut where no token can span the cut, and only those parts that decide which tokens remain.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import tokenizers

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.text.long_text import LongText

_PART_CHARACTERS = 2**16
_CHARACTERS_AT_ONCE = 2**18
# No pre-tokenizer attaches white space to the preceding word.
_END_OF_WORD = re.compile(r"(?<=\S)(?=\s)")


class EncodedText(NamedTuple):
    """Token ids of a text, with special tokens: one piece, several for `LongText.WINDOWS`, none if it has no tokens."""

    pieces: list[list[int]]
    truncated: bool


class Tokenizer:
    """A fast tokenizer that cuts long texts and knows which special tokens frame a sequence.

    `unknown_id`: the id of the unknown token; None if the vocabulary covers everything, as byte-level ones do.
    """

    def __init__(self, path: Path, max_tokens: int, long_text: LongText = LongText.HEAD_TAIL) -> None:
        """Load `tokenizer.json` at `path`; `max_tokens` counts the special tokens too.

        Raises ConfigurationError if the file is not a tokenizer or leaves no room for text.
        """
        self._path = path
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ConfigurationError(f"{path} is not a tokenizer file: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.unknown_id = self._unknown_id()
        self._prefix, self._suffix = self._frame()
        self._room = max_tokens - len(self._prefix) - len(self._suffix)
        self._long_text = long_text
        if self._room < 1:
            raise ConfigurationError(
                f"at most {max_tokens} tokens leaves no room for text beside "
                f"{len(self._prefix) + len(self._suffix)} special tokens: raise --max-tokens"
            )

    @property
    def last_token(self) -> tuple[str, int]:
        """The token with the highest id, and that id."""
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        return max(vocabulary.items(), key=itemgetter(1))

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Encode each text; the result is in the order of `texts`."""
        return [encoded for some in _by_size(texts) for encoded in self._encode([_encodable(text) for text in some])]

    def _encode(self, texts: Sequence[str]) -> list[EncodedText]:
        ids = iter(self._ids([text for text in texts if len(text) <= _PART_CHARACTERS]))
        return [self._cut(next(ids) if len(text) <= _PART_CHARACTERS else self._ids_of_ends(text)) for text in texts]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        try:
            # The fast variant leaves out character offsets, which nothing here reads.
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        except Exception as error:  # the library raises bare Exception
            raise ConfigurationError(f"{self._path} cannot tokenize every text: {error}") from error
        return [encoding.ids for encoding in encodings]

    def _ids_of_ends(self, text: str) -> list[int]:
        """Tokenize a very long text, skipping most of the middle that will be cut out; WINDOWS needs all of it."""
        parts = deque(_parts(text))
        start: list[int] = []
        end: deque[int] = deque()
        while parts and (len(start) <= self._room or self._long_text is LongText.WINDOWS):
            start += self._ids([parts.popleft()])[0]
        while parts and len(end) < self._room:
            end.extendleft(reversed(self._ids([parts.pop()])[0]))
        return [*start, *end]

    def _cut(self, tokens: list[int]) -> EncodedText:
        cut = self._long_text.cut(tokens, self._room) if tokens else []
        truncated = len(tokens) > self._room and self._long_text is not LongText.WINDOWS
        return EncodedText([self._prefix + piece + self._suffix for piece in cut], truncated)

    def _unknown_id(self) -> int | None:
        model = self._tokenizer.model
        if isinstance(model, tokenizers.models.Unigram):  # does not expose it
            found: int | None = json.loads(self._path.read_bytes())["model"].get("unk_id")
            return found
        return None if model.unk_token is None else self._tokenizer.token_to_id(model.unk_token)

    def _frame(self) -> tuple[list[int], list[int]]:
        """Find the special tokens before and after a text with a probe: `[CLS] … [SEP]`, `<s> … </s>`, or none."""
        for probe in self._probes():
            try:
                framed = self._tokenizer.encode(probe)
            except Exception:  # the library raises bare Exception, for a text that has no tokens
                continue
            # Of which text a token is; of none, if it is part of the frame.
            places = [place for place, text in enumerate(framed.sequence_ids) if text is not None]
            if places:
                return framed.ids[: places[0]], framed.ids[places[-1] + 1 :]
        raise ConfigurationError(f"{self._path} makes no token of its own vocabulary: save the tokenizer again")

    def _probes(self) -> Iterator[str]:
        yield "a"
        yield from self._tokenizer.get_vocab(with_added_tokens=False)


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON may hold (`"\\ud83d"`) but which are not characters, by question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _by_size(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split texts, in their order, into as many at a time as have few characters together; a longer one is alone."""
    start = size = 0
    for end, text in enumerate(texts):
        size += len(text)
        if size > _CHARACTERS_AT_ONCE:
            yield texts[start:end]
            start, size = end, len(text)
    yield texts[start:]


def _parts(text: str) -> Iterator[str]:
    """Split a text between words, or anywhere if a word boundary is too far away."""
    start = 0
    while len(text) - start > _PART_CHARACTERS:
        found = _END_OF_WORD.search(text, start + _PART_CHARACTERS // 2, start + _PART_CHARACTERS)
        end = found.start() if found else start + _PART_CHARACTERS
        yield text[start:end]
        start = end
    yield text[start:]
