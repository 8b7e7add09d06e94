"""The checkpoint as PyTorch runs it, and optimum's ONNX graph of it: what the float graph is measured against."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from sentiment_batch.checkpoint import require_embeddings
from sentiment_batch.errors import ConfigurationError, first_line
from sentiment_batch.export.checkpoint import Checkpoint
from sentiment_batch.export.graph import OPSET
from sentiment_batch.graph_file import MAX_BYTES

# What tokenizers take differently: case, white space, punctuation, accents, scripts.
_PROBES = ("A GREAT film", "great", " great  film ", "isn't it?! 5/10 :-)", "café naïve", "好看")


class Oracle:
    """A loaded checkpoint, float32, in evaluation mode."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Raises ConfigurationError for weights that do not load, lack a part or are too many; an unfit tokenizer."""
        import torch
        from transformers import AutoModelForSequenceClassification, logging

        logging.disable_progress_bar()  # for shards, which are loaded in no time
        try:
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                checkpoint.folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                # Layers in parts give the same numbers, and a graph that only takes texts as long as the traced one.
                chunk_size_feed_forward=0,
            )
        except Exception as error:  # a configuration of the wrong types or sizes leads to any
            raise ConfigurationError(f"cannot load the checkpoint {checkpoint.folder}: {first_line(error)}") from error
        # transformers fills what is missing with random numbers.
        if loading["missing_keys"]:
            missing = ", ".join(sorted(loading["missing_keys"])[:3])
            raise ConfigurationError(f"{checkpoint.folder} is not a fine-tuned classifier: it lacks {missing}")
        size = sum(tensor.nbytes for tensor in model.state_dict().values())
        if size > MAX_BYTES:
            raise ConfigurationError(
                f"{checkpoint.folder} has {size:,} bytes of float32 weights, and an ONNX graph up to {MAX_BYTES:,}: "
                "export a smaller model"
            )
        tokenizer = Tokenizer.from_file(str(checkpoint.tokenizer))
        require_embeddings(tokenizer.get_vocab(), model.get_input_embeddings().num_embeddings, str(checkpoint.folder))
        _require_same_tokens(tokenizer, checkpoint.folder)
        self._model: Any = model.eval()

    @property
    def config(self) -> dict[str, Any]:
        """What config.json says, and transformers' defaults for what it leaves out."""
        config: dict[str, Any] = self._model.config.to_dict()
        return config

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """All weights, float32, under transformers' names."""
        return {name: tensor.numpy() for name, tensor in self._model.state_dict().items()}

    def logits(self, sequences: Sequence[list[int]]) -> npt.NDArray[np.float32]:
        """PyTorch's logits, float32 [N, K], of N ≥ 1 token sequences, each by itself."""
        import torch

        with torch.inference_mode():
            batches = [torch.tensor([sequence]) for sequence in sequences]
            rows = [self._model(ids, torch.ones_like(ids), return_dict=True).logits for ids in batches]
            logits: npt.NDArray[np.float32] = torch.cat(rows).numpy()
        return logits

    def write_graph(self, path: Path) -> None:
        """Write optimum's float32 graph of the classifier: ids, mask (and segments) to `logits`.

        Raises ConfigurationError for one that optimum cannot trace.
        """
        from optimum.exporters.onnx import export
        from optimum.exporters.tasks import TasksManager

        configure = TasksManager.get_exporter_config_constructor("onnx", self._model, task="text-classification")
        try:
            export(self._model, configure(self._model.config), path, opset=OPSET)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:  # of running the model on its own texts
            raise ConfigurationError(f"optimum makes no graph of this checkpoint: {first_line(error)}") from error


def _require_same_tokens(tokenizer: Tokenizer, folder: Path) -> None:
    """Raise ConfigurationError if transformers, which heeds tokenizer_config.json, gives a text other tokens.

    Or puts them in another segment than the first, in which graphs are given them.
    """
    from transformers import AutoTokenizer

    try:
        reference = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a configuration of the wrong types leads to any
        raise ConfigurationError(f"cannot load the tokenizer of {folder}: {first_line(error)}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # Those in tokenizer.json, and those that transformers adds.
    for text in (*_PROBES, *(f"a {token.content} film" for token in reference.added_tokens_decoder.values())):
        expected = reference(text)
        if any(expected.get("token_type_ids", ())):
            raise ConfigurationError(
                f"{folder}: tokenizer.json gives {text!r} a type_id that is not 0: set it to 0 there"
            )
        if tokenizer.encode(text).ids != expected["input_ids"]:
            raise ConfigurationError(
                f"{folder}: tokenizer.json gives {text!r} other tokens than transformers does, which heeds "
                "tokenizer_config.json: save the tokenizer again with transformers"
            )
