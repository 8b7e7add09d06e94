"""The layers of a BERT-family classifier: which are trained, from which epoch, and at which learning rate."""

import re
from typing import Any

from transformers import TrainerCallback

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.training.recipe import TrainingOptions

_ENCODER_LAYER = re.compile(r"\.layer\.(\d+)\.")
# Relative positions, which DeBERTa and MPNet add in every layer, are named as parts of the encoder.
_EMBEDDINGS = re.compile(r"embed|\.relative_attention_bias\.|\.encoder\.LayerNorm\.")
# Options that only make sense if layers do not share their parameters.
_BY_LAYER = ("freeze_layers", "unfreeze_every", "layer_decay", "head_learning_rate")


def layer_of(name: str, depth: int) -> int:
    """Return a parameter's layer, by its name: 0 for embeddings, 1 to `depth` for encoder layers, then the head."""
    if match := _ENCODER_LAYER.search(name):
        return 1 + int(match[1])
    return 0 if _EMBEDDINGS.search(name) else depth + 1


def freeze(model: Any, options: TrainingOptions) -> None:
    """Freeze the embeddings and the lowest layers.

    Raises ConfigurationError for more layers than there are, if unfreezing would not finish in time, or for any
    per-layer option if the layers share their parameters, as ALBERT's do.
    """
    depth = model.config.num_hidden_layers
    layers = {layer_of(name, depth) for name, _ in model.named_parameters()}
    for option in _BY_LAYER:
        value = getattr(options, option)
        if value != getattr(TrainingOptions, option) and layers.isdisjoint(range(1, depth + 1)):
            raise ConfigurationError(
                f"{option} is {value}, but the layers of this base ({model.config.model_type}) share their parameters: "
                "leave it out, or choose another base"
            )
    if options.freeze_layers > depth:
        raise ConfigurationError(f"freeze_layers is {options.freeze_layers}, but the model has {depth} layers")
    thawing = options.unfreeze_every * (depth + 1 - _lowest_trained(options))
    if thawing >= options.epochs:
        raise ConfigurationError(
            f"unfreeze_every is {options.unfreeze_every}: the last layer would be trained from epoch {thawing:g} on, "
            f"but there are {options.epochs:g}"
        )
    _thaw(model, _lowest_trained(options))


def parameter_groups(model: Any, options: TrainingOptions, decayed: set[str]) -> list[dict[str, Any]]:
    """Group the unfrozen parameters, each group with its learning rate; only those in `decayed` get weight decay.

    The top encoder layer learns at the recipe's rate, each lower one at `layer_decay` times the rate of the layer
    above, and the embeddings at the lowest (Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?").
    """
    depth = model.config.num_hidden_layers
    groups: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((layer_of(name, depth), name in decayed), []).append(parameter)
    head_rate = options.head_learning_rate or options.learning_rate
    return [
        {
            "params": parameters,
            "lr": head_rate if layer > depth else options.learning_rate * options.layer_decay ** (depth - layer),
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for (layer, decays), parameters in groups.items()
    ]


class GradualUnfreezing(TrainerCallback):  # type: ignore[misc]  # transformers is not followed
    """Trains the head alone at first, then unfreezes layer by layer from the top (Howard and Ruder 2018)."""

    def __init__(self, options: TrainingOptions) -> None:
        self._options = options

    def on_step_begin(self, args: Any, state: Any, control: Any, *, model: Any, **more: Any) -> None:
        thawed = int(state.epoch / self._options.unfreeze_every)
        _thaw(model, max(_lowest_trained(self._options), model.config.num_hidden_layers + 1 - thawed))


def _lowest_trained(options: TrainingOptions) -> int:
    return options.freeze_layers + 1 if options.freeze_layers else int(options.freeze_embeddings)


def _thaw(model: Any, lowest: int) -> None:
    """Unfreeze the layers from `lowest` up, and freeze all others."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(layer_of(name, model.config.num_hidden_layers) >= lowest)
