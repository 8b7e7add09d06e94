"""What a training step minimizes: cross-entropy, plus optional terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Objective:
    """A loss of logits, float [N, K], for labels, int64 [N], that are class indices.

    class_weights: float [K], what a text of each label counts, whatever texts are in its batch; see `weigh_labels`.
    ordinal: the weight of the squared distance between the cumulative distributions of prediction and label, which
        makes "very negative" for "negative" cost less than "positive" (Hou, Yu and Samaras 2016).
    r_drop: the weight of the divergence between two passes that differ only in dropout (Liang et al. 2021). The logits
        are then [2N, K]: the same N texts twice, one pass after the other.
    temperature, teacher_share: for distillation (Hinton, Vinyals and Dean 2015); used only with soft labels, which are
        a teacher's probabilities at that temperature, float [N, K].
    """

    class_weights: torch.Tensor | None = None
    label_smoothing: float = 0.0
    ordinal: float = 0.0
    r_drop: float = 0.0
    temperature: float = 1.0
    teacher_share: float = 0.0

    def __call__(
        self, logits: torch.Tensor, labels: torch.Tensor, soft_labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        passes = logits.float().chunk(2 if self.r_drop else 1)
        loss = torch.stack([self._of_one_pass(each, labels, soft_labels) for each in passes]).mean()
        return loss + self.r_drop * _symmetric_divergence(*passes) if self.r_drop else loss

    def _of_one_pass(
        self, logits: torch.Tensor, labels: torch.Tensor, soft_labels: torch.Tensor | None
    ) -> torch.Tensor:
        losses = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing, reduction="none")
        if self.ordinal:
            losses = losses + self.ordinal * _squared_distances(logits, labels)
        if self.class_weights is not None:
            # PyTorch's own weights are divided by their sum in a batch, so that a text alone has none, and apply to the
            # labels that smoothing adds to each text: one that is rare in the data would get more than all others.
            losses = losses * self.class_weights.to(logits.device)[labels]
        loss = losses.mean()
        if soft_labels is None:
            return loss
        student = functional.log_softmax(logits / self.temperature, dim=1)
        # The square keeps the scale of the gradient independent of the temperature.
        distilled = functional.kl_div(student, soft_labels, reduction="batchmean") * self.temperature**2
        return (1 - self.teacher_share) * loss + self.teacher_share * distilled


def weigh_labels(weights: Literal["balanced"] | Sequence[float], shown: torch.Tensor) -> torch.Tensor:
    """Scale weights, float [K], so that a text weighs 1 on average; an epoch shows `shown` [K] texts of each label.

    "balanced" gives each label that occurs the same total.
    """
    relative = torch.where(shown > 0, 1 / shown, 0.0) if weights == "balanced" else torch.tensor(weights)
    return relative * shown.sum() / (relative * shown).sum()


def _squared_distances(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    predicted = logits.softmax(dim=1).cumsum(dim=1)
    true = functional.one_hot(labels, logits.shape[1]).cumsum(dim=1)
    return ((predicted - true) ** 2).sum(dim=1)


def _symmetric_divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    first, second = first.log_softmax(dim=1), second.log_softmax(dim=1)
    forth = functional.kl_div(first, second, reduction="batchmean", log_target=True)
    back = functional.kl_div(second, first, reduction="batchmean", log_target=True)
    return (forth + back) / 2
