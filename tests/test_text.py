"""From texts to token ids."""

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_graph import build_tokenizer
from tiny_models import byte_tokenizer
from tokenizers import models, normalizers, pre_tokenizers, processors

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.text import LongText, Tokenizer

TOKENS = st.lists(st.integers(0, 30521), max_size=200)
ROOM = st.integers(1, 60)
CLS, SEP = 2, 3


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    build_tokenizer().save(str(path))
    return path


@given(TOKENS, ROOM, st.sampled_from(LongText))
def test_pieces_fit(tokens: list[int], room: int, strategy: LongText) -> None:
    """No piece has more tokens than there is room for, and none is empty unless the text is."""
    pieces = strategy.cut(tokens, room)
    assert all(len(piece) <= room for piece in pieces)
    assert all(pieces) or not tokens


@given(TOKENS, ROOM, st.sampled_from(LongText))
def test_text_that_fits_is_unchanged(tokens: list[int], room: int, strategy: LongText) -> None:
    """A text that fits is one piece, whatever the strategy."""
    fitting = tokens[:room]
    assert strategy.cut(fitting, room) == [fitting]


@given(TOKENS, ROOM)
def test_head_keeps_the_beginning(tokens: list[int], room: int) -> None:
    """HEAD keeps as much of the beginning as there is room for."""
    assert LongText.HEAD.cut(tokens, room) == [tokens[:room]]


@given(st.integers(1, 200), ROOM)
def test_head_tail_keeps_both_ends(length: int, room: int) -> None:
    """HEAD_TAIL fills the room with a quarter from the beginning and the rest from the end."""
    tokens = list(range(length))
    [piece] = LongText.HEAD_TAIL.cut(tokens, room)
    assert len(piece) == min(length, room)
    assert piece == sorted(set(piece))
    assert piece[-1] == tokens[-1]
    if length > room:
        head = room // 4
        assert piece[:head] == tokens[:head]
        assert piece[head:] == tokens[head - room :]


@given(TOKENS, ROOM)
def test_windows_lose_nothing(tokens: list[int], room: int) -> None:
    """WINDOWS covers every token in order, with as few and as equal pieces as possible."""
    pieces = LongText.WINDOWS.cut(tokens, room)
    assert list(chain.from_iterable(pieces)) == tokens
    assert len(pieces) == max(1, -(-len(tokens) // room))
    sizes = [len(piece) for piece in pieces]
    assert max(sizes) - min(sizes) <= 1


def test_bert_frame(tokenizer_file: Path) -> None:
    """Each piece is between [CLS] and [SEP]; the text is cut, never the frame."""
    whole, cut = Tokenizer(tokenizer_file, 5, LongText.HEAD).encode(["good film", "good film was bad"])
    ids = build_tokenizer().encode("good film was bad").ids
    assert whole.pieces == [[*ids[:3], SEP]]
    assert not whole.truncated
    assert cut.pieces == [[CLS, *ids[1:4], SEP]]
    assert cut.truncated


def test_roberta_frame(tmp_path: Path) -> None:
    """The frame is the tokenizer's own: <s> … </s> for RoBERTa."""
    tokenizer = build_tokenizer()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    start, end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", end), ("<s>", start))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    [encoded] = Tokenizer(tmp_path / "tokenizer.json", 32).encode(["good film"])
    assert encoded.pieces == [tokenizer.encode("good film").ids]
    assert encoded.pieces[0][0] == start
    assert encoded.pieces[0][-1] == end


def test_no_frame(tmp_path: Path) -> None:
    """A tokenizer without special tokens leaves all the room to the text."""
    tokenizer = build_tokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    [encoded] = Tokenizer(tmp_path / "tokenizer.json", 2, LongText.HEAD).encode(["good film was"])
    assert encoded.pieces == [tokenizer.encode("good film").ids]


def test_frame_of_another_alphabet(tmp_path: Path) -> None:
    """The frame is found even if the vocabulary has no token for a Latin letter; without any, the file is named."""
    vocabulary = {"<s>": 0, "</s>": 1, "ф": 2}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, []))
    tokenizer.post_processor = processors.BertProcessing(("</s>", 1), ("<s>", 0))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    [encoded] = Tokenizer(tmp_path / "tokenizer.json", 4, LongText.HEAD).encode(["фффф"])
    assert encoded.pieces == [[0, 2, 2, 1]]
    tokenizer.normalizer = normalizers.Replace(tokenizers.Regex("."), "")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json makes no token of its own vocabulary"):
        Tokenizer(tmp_path / "tokenizer.json", 4)


def test_windows_frame_each_piece(tokenizer_file: Path) -> None:
    """With WINDOWS each piece has its own frame, and nothing is truncated."""
    [encoded] = Tokenizer(tokenizer_file, 4, LongText.WINDOWS).encode(["good film was bad"])
    ids = build_tokenizer().encode("good film was bad").ids
    assert encoded.pieces == [[CLS, *ids[1:3], SEP], [CLS, *ids[3:5], SEP]]
    assert not encoded.truncated


@pytest.mark.parametrize("text", ["", "   ", "\t\r\n", "\u200b", "\u200d\ufeff", "\x00"])
def test_nothing_to_read(tokenizer_file: Path, text: str) -> None:
    """A text without a visible character has no pieces."""
    [encoded] = Tokenizer(tokenizer_file, 32).encode([text])
    assert encoded.pieces == []
    assert not encoded.truncated


def test_lone_surrogate(tokenizer_file: Path) -> None:
    """Half a surrogate pair is read as a question mark instead of stopping the run."""
    broken, plain = Tokenizer(tokenizer_file, 32).encode(["good \ud83d film", "good ? film"])
    assert broken == plain


def test_settings_in_the_file_are_ignored(tmp_path: Path, tokenizer_file: Path) -> None:
    """Truncation and padding settings in tokenizer.json are ignored."""
    tokenizer = build_tokenizer()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    assert settings["truncation"]
    assert settings["padding"]
    texts = ["good", "good film was bad"]
    assert Tokenizer(tmp_path / "tokenizer.json", 32).encode(texts) == Tokenizer(tokenizer_file, 32).encode(texts)


@given(st.lists(st.text(), max_size=5))
@example(["good", *["bad film " * 7_000] * 5, "", "film"])
@example(["good " * 60_000, "bad"])
def test_order_and_independence(tokenizer_file: Path, texts: list[str]) -> None:
    """Each text is encoded as if it were alone, in the order given."""
    tokenizer = Tokenizer(tokenizer_file, 32)
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]


WORDS = st.text(st.sampled_from("abqz.,!?'-É中👍\u0301"), min_size=1, max_size=12) | st.sampled_from(
    ["film", "[SEP]", "<s>"]
)
SPACES = st.sampled_from([" ", " ", " ", "  ", "\n", " \n ", "\t", "\u00a0"])


def merging_tokenizer() -> Any:
    """Byte-level BPE as in RoBERTa: a word is one token together with the space before it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("\u0120", letter) for letter in "abqzf"]  # the first is how a space is written
    vocabulary = {piece: i for i, piece in enumerate(["<s>", "</s>", *letters, *map("".join, merges)])}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


@pytest.mark.parametrize(
    "kind", [build_tokenizer, byte_tokenizer, merging_tokenizer], ids=["words", "bytes", "words of bytes"]
)
@pytest.mark.parametrize("strategy", LongText)
@settings(max_examples=8)
@given(pieces=st.lists(st.tuples(WORDS, SPACES), min_size=4, max_size=40), length=st.integers(70_000, 140_000))
def test_very_long_text(
    scratch: Path, kind: Callable[[], Any], strategy: LongText, pieces: list[tuple[str, str]], length: int
) -> None:
    """A text tokenized in parts gives the same tokens as in one go."""
    tokenizer = kind()
    tokenizer.save(str(scratch / "tokenizer.json"))
    unit = "".join(chain.from_iterable(pieces))
    text = unit * (length // len(unit) + 1)
    [encoded] = Tokenizer(scratch / "tokenizer.json", 50, strategy).encode([text])
    assert [piece[1:-1] for piece in encoded.pieces] == strategy.cut(
        tokenizer.encode(text, add_special_tokens=False).ids, 48
    )
    assert encoded.truncated == (strategy is not LongText.WINDOWS)


@pytest.mark.parametrize("strategy", LongText)
@pytest.mark.parametrize("count", [1, 11, 12, 13, 35, 36, 37, 47, 48, 49])
def test_few_words_far_apart(tokenizer_file: Path, strategy: LongText, count: int) -> None:
    """However few tokens its parts have, those are kept of a very long text that would be kept of the whole."""
    words = ("good", "film", "was", "bad")
    text = (" " * 70_000).join(f"{word} " * count for word in words)
    [encoded] = Tokenizer(tokenizer_file, 50, strategy).encode([text])
    tokens = [build_tokenizer().token_to_id(word) for word in words for _ in range(count)]
    assert [piece[1:-1] for piece in encoded.pieces] == strategy.cut(tokens, 48)
    assert encoded.truncated == (len(tokens) > 48 and strategy is not LongText.WINDOWS)


@pytest.mark.parametrize("strategy", LongText)
def test_very_long_words(tokenizer_file: Path, strategy: LongText) -> None:
    """A text without a place to cut is still read, and gives the same tokens every time."""
    texts = [" " * 200_000 + "good", "👍" * 200_000, "good " + "x" * 200_000 + " film", " " * 200_000]
    encoded = Tokenizer(tokenizer_file, 32, strategy).encode(texts)
    assert [len(text.pieces) for text in encoded] == [1, 1, 1, 0]
    good, film, unknown = (build_tokenizer().token_to_id(word) for word in ("good", "film", "[UNK]"))
    assert encoded[0].pieces == [[CLS, good, SEP]]
    assert encoded[1].pieces == [[CLS, unknown, unknown, unknown, unknown, SEP]]
    assert encoded[2].pieces[0][:3] == [CLS, good, unknown]
    assert encoded[2].pieces[0][-3:] == [unknown, film, SEP]
    assert not any(text.truncated for text in encoded)


def test_no_token_for_the_unknown(tmp_path: Path) -> None:
    """A tokenizer that fails on a text is a fault of the model, and its file is named."""
    path = tmp_path / "tokenizer.json"
    settings = json.loads(build_tokenizer().to_str())
    settings["model"]["unk_token"] = "[???]"
    path.write_text(json.dumps(settings), "utf-8")
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json cannot tokenize every text: .*Missing"):
        Tokenizer(path, 32).encode(["👍"])


def test_no_room(tokenizer_file: Path) -> None:
    """A limit that leaves no room beside the special tokens is refused, naming the option to change."""
    with pytest.raises(ConfigurationError, match=r"2 special tokens: raise --max-tokens"):
        Tokenizer(tokenizer_file, 2)


@pytest.mark.parametrize("content", ["", "{}", "[" * 100_000, "\x00"])
def test_not_a_tokenizer(tmp_path: Path, content: str) -> None:
    """A file that is not a tokenizer is named."""
    path = tmp_path / "tokenizer.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigurationError, match=r"tokenizer\.json is not a tokenizer file"):
        Tokenizer(path, 32)
