"""transformers' Trainer, with a recipe's objective, learning rates, mix of corpora and averaged weights."""

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import Sampler
from transformers import Trainer

from sentiment_batch.errors import DivergedError
from sentiment_batch.training.averaging import WeightAveraging
from sentiment_batch.training.layers import parameter_groups
from sentiment_batch.training.losses import Objective
from sentiment_batch.training.recipe import TrainingOptions

# Below this length PyTorch's fused CPU attention loses to plain matrix products (measured on bfloat16 AMX).
_FUSED_ATTENTION_FROM = 160


class FinetuningTrainer(Trainer):  # type: ignore[misc]  # transformers is not followed
    """Minimizes `objective` on rows in `sampler`'s order; evaluates plain cross-entropy, of averaged weights if any.

    Raises DivergedError for a loss that is not finite.
    """

    def __init__(
        self,
        *,
        options: TrainingOptions,
        objective: Objective,
        sampler: Sampler[int],
        averaging: WeightAveraging | None,
        **trainer: Any,
    ) -> None:
        super().__init__(**trainer)
        self.model_accepts_loss_kwargs = False  # the loss is a mean over a batch, even with gradient accumulation
        self._options = options
        self._objective = objective
        self._sampler = sampler
        self._averaging = averaging
        if averaging:
            self.add_callback(averaging)

    def create_optimizer(self) -> Any:
        kind, settings = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        decayed = set(self.get_decay_parameter_names(self.model))
        self.optimizer = kind(parameter_groups(self.model, self._options, decayed), **settings)
        return self.optimizer

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        fused = inputs["input_ids"].shape[1] >= _FUSED_ATTENTION_FROM
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH] if fused else [SDPBackend.MATH]):
            if not model.training:
                found = super().compute_loss(model, inputs, *args, **kwargs)
                self._require_finite(found[0] if isinstance(found, tuple) else found)
                return found
            labels, soft_labels = inputs.pop("labels"), inputs.pop("soft_labels", None)
            if self._objective.r_drop:
                inputs = {name: torch.cat([rows, rows]) for name, rows in inputs.items()}
            loss = self._objective(model(**inputs).logits, labels, soft_labels)
        self._require_finite(loss)
        return loss

    def _require_finite(self, loss: Any) -> None:
        if not loss.isfinite():
            raise DivergedError(
                f"the loss became {loss.item()} after step {self.state.global_step}: lower the learning rate "
                "(--learning-rate)"
            )

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        if self._averaging is None or not self.is_in_train:
            return super().evaluation_loop(*args, **kwargs)
        with self._averaging.in_place(self.model):
            return super().evaluation_loop(*args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._sampler
