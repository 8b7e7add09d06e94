"""Text to token ids: the only tokenizer code, shared by training, evaluation and scoring."""

from sentiment_batch.text.long_text import LongText
from sentiment_batch.text.tokenizer import EncodedText, Tokenizer

__all__ = ["EncodedText", "LongText", "Tokenizer"]
