"""An exponential moving average of the weights, evaluated and saved in place of the weights themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import TrainerCallback

from sentiment_batch.training.sealing import step_folder

_FILE = "averaged.safetensors"


class WeightAveraging(TrainerCallback):  # type: ignore[misc]  # transformers is not followed
    """Updates the average after every step: average ← decay · average + (1 - decay) · weights.

    The average starts from the weights of the first step. It is saved beside each of the run's checkpoints, so that a
    resumed run continues from it.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay

    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any, **more: Any) -> None:
        self._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(self._decay))
        if state.global_step:
            self._load(_file(args, state.global_step))

    def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, **more: Any) -> None:
        self._average.update_parameters(model)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        save_file(self._average.state_dict(), _file(args, state.global_step))

    def on_train_end(self, args: Any, state: Any, control: Any, *, model: Any, **more: Any) -> None:
        """Load the best step's average into the model: the trainer has just restored that step's weights."""
        if state.best_global_step:
            self._load(_file(args, state.best_global_step))
        model.load_state_dict(self._average.module.state_dict())

    @contextmanager
    def in_place(self, model: Any) -> Iterator[None]:
        """Give `model` the averaged weights within the block."""
        self._swap(model)
        try:
            yield
        finally:
            self._swap(model)

    def _swap(self, model: Any) -> None:
        for weights, average in zip(model.parameters(), self._average.module.parameters(), strict=True):
            weights.data, average.data = average.data, weights.data

    def _load(self, file: Path) -> None:
        self._average.load_state_dict(load_file(file))


def _file(args: Any, step: int) -> Path:
    return step_folder(Path(args.output_dir), step) / _FILE
