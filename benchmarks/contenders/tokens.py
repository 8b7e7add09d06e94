"""The checkpoint's own tokenization, for contenders that have none."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.contenders import Setting

Tokens = list[list[int]]
IntArray = npt.NDArray[np.int64]


def encoder(setting: Setting) -> Callable[[Sequence[str]], Tokens]:
    """Return a function from texts to token ids, on all cores; like transformers, it cuts off the end of long texts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(setting.checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(setting.max_tokens)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]


def padded(sequences: Tokens) -> dict[str, IntArray]:
    """Return the inputs of a BERT graph by name, each int64 [B, L] for B sequences of at most L tokens."""
    ids = np.zeros((len(sequences), max(map(len, sequences))), np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
