"""Which layers of a real, tiny model are trained, and at which rate."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_models import write_checkpoint
from transformers import AutoModelForSequenceClassification

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.training.layers import GradualUnfreezing, freeze, layer_of, parameter_groups
from sentiment_batch.training.recipe import TrainingOptions

DEPTH = 2


@pytest.fixture(params=["bert", "distilbert", "electra", "roberta"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return AutoModelForSequenceClassification.from_pretrained(write_checkpoint(tmp_path, request.param))


def trained(model: Any) -> set[int]:
    """The layers that have parameters with a gradient."""
    return {layer_of(name, DEPTH) for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_every_layer_is_found(model: Any) -> None:
    """Embeddings, each encoder layer and the head are found under each architecture's names."""
    assert trained(model) == {0, 1, 2, 3}
    head = [name for name, _ in model.named_parameters() if layer_of(name, DEPTH) == DEPTH + 1]
    assert all("classifier" in name or "pooler" in name for name in head)


@pytest.mark.parametrize(
    "name",
    [
        "deberta.encoder.rel_embeddings.weight",
        "deberta.encoder.LayerNorm.weight",
        "mpnet.encoder.relative_attention_bias.weight",
        "roformer.encoder.embed_positions.weight",
    ],
)
def test_positions_of_all_layers(name: str) -> None:
    """What all encoder layers read is not part of the head, whatever it is called."""
    assert layer_of(name, DEPTH) == 0


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (TrainingOptions(), {0, 1, 2, 3}),
        (TrainingOptions(freeze_embeddings=True), {1, 2, 3}),
        (TrainingOptions(freeze_layers=1), {2, 3}),
        (TrainingOptions(freeze_layers=2, freeze_embeddings=True), {3}),
    ],
    ids=["none", "embeddings", "one layer", "all layers"],
)
def test_freezing(model: Any, options: TrainingOptions, left: set[int]) -> None:
    """Frozen layers have no gradient and are in no group of the optimizer."""
    freeze(model, options)
    assert trained(model) == left
    grouped = {id(parameter) for group in parameter_groups(model, options, set()) for parameter in group["params"]}
    assert grouped == {id(parameter) for parameter in model.parameters() if parameter.requires_grad}


def test_learning_rates(model: Any) -> None:
    """Each layer learns at a fraction of the rate of the layer above it, and the head at its own rate."""
    options = TrainingOptions(learning_rate=0.01, layer_decay=0.5, head_learning_rate=0.3)
    rates = {
        id(parameter): group["lr"] for group in parameter_groups(model, options, set()) for parameter in group["params"]
    }
    expected = {0: 0.0025, 1: 0.005, 2: 0.01, 3: 0.3}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(expected[layer_of(name, DEPTH)])


def test_weight_decay_spares_what_it_should(model: Any) -> None:
    """Only the named parameters decay, and every parameter is in one group."""
    decayed = {name for name, parameter in model.named_parameters() if parameter.dim() > 1}
    groups = parameter_groups(model, TrainingOptions(weight_decay=0.1), decayed)
    found = [(id(parameter), group["weight_decay"]) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(
        (id(parameter), 0.1 if name in decayed else 0.0) for name, parameter in model.named_parameters()
    )


@pytest.mark.parametrize(
    ("epoch", "frozen", "left"),
    [(0.0, 0, {3}), (0.4, 0, {3}), (0.5, 0, {2, 3}), (1.2, 0, {1, 2, 3}), (1.5, 0, {0, 1, 2, 3}), (1.5, 1, {2, 3})],
)
def test_gradual_unfreezing(model: Any, epoch: float, frozen: int, left: set[int]) -> None:
    """The head is trained first, then another layer from the top every half epoch, except those that stay frozen."""
    options = TrainingOptions(unfreeze_every=0.5, freeze_layers=frozen)
    freeze(model, options)
    GradualUnfreezing(options).on_step_begin(None, SimpleNamespace(epoch=epoch), None, model=model)
    assert trained(model) == left


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TrainingOptions(freeze_layers=3), "freeze_layers is 3, but the model has 2 layers"),
        (TrainingOptions(unfreeze_every=1, epochs=3), "from epoch 3 on, but there are 3"),
    ],
)
def test_what_the_model_has_no_layers_for(model: Any, options: TrainingOptions, message: str) -> None:
    """Freezing or unfreezing beyond the model's layers or the run's epochs is refused."""
    with pytest.raises(ConfigurationError, match=message):
        freeze(model, options)


@pytest.mark.parametrize(
    "options",
    [{"freeze_layers": 1}, {"unfreeze_every": 0.5}, {"layer_decay": 0.5}, {"head_learning_rate": 0.3}],
    ids=lambda options: next(iter(options)),
)
def test_layers_that_share_their_parameters(tmp_path: Path, options: dict[str, Any]) -> None:
    """Settings by layer are refused if all layers share their parameters; the embeddings can still be frozen."""
    model = AutoModelForSequenceClassification.from_pretrained(write_checkpoint(tmp_path, "albert"))
    [(name, value)] = options.items()
    message = rf"{name} is {value}, but the layers of this base \(albert\) share their parameters: leave it out"
    with pytest.raises(ConfigurationError, match=message):
        freeze(model, TrainingOptions(**options))
    freeze(model, TrainingOptions(freeze_embeddings=True))
    assert trained(model) == {DEPTH + 1}
