"""The moving average of the weights, compared with the sum written out."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from sentiment_batch.training.averaging import WeightAveraging

DECAY = 0.8
STEPS = [torch.tensor([[float(value), -value]]) for value in (1, 4, -2, 10)]


def run(folder: Path, steps: list[torch.Tensor], begun: int = 0) -> tuple[WeightAveraging, Any, dict[str, Any]]:
    """Return an average that has seen the weights take on `steps`, after `begun` earlier ones, and its context."""
    model = nn.Linear(2, 1, bias=False)
    averaging = WeightAveraging(DECAY)
    state = SimpleNamespace(global_step=begun, best_global_step=None)
    about = {"args": SimpleNamespace(output_dir=str(folder)), "state": state, "control": None, "model": model}
    averaging.on_train_begin(**about)
    for weights in steps:
        model.weight.data = weights.clone()
        averaging.on_step_end(**about)
        state.global_step += 1
    return averaging, model, about


def expected(steps: list[torch.Tensor]) -> torch.Tensor:
    average = steps[0]
    for weights in steps[1:]:
        average = DECAY * average + (1 - DECAY) * weights
    return average


def test_average(tmp_path: Path) -> None:
    """Inside of the block the model has the average, after it its own weights again."""
    averaging, model, _ = run(tmp_path, STEPS)
    with averaging.in_place(model):
        torch.testing.assert_close(model.weight.data, expected(STEPS))
    assert torch.equal(model.weight.data, STEPS[-1])


def test_the_weights_return_after_an_error(tmp_path: Path) -> None:
    """After a measurement that fails, the model has its own weights again."""
    averaging, model, _ = run(tmp_path, STEPS)
    with pytest.raises(RuntimeError), averaging.in_place(model):
        raise RuntimeError
    assert torch.equal(model.weight.data, STEPS[-1])


def test_a_resumed_run_goes_on_with_its_average(tmp_path: Path) -> None:
    """Stopped and resumed after any step, the average is that of a single run, to the bit."""
    (whole, model, _), results = run(tmp_path, STEPS), []
    with whole.in_place(model):
        results.append(model.weight.data.clone())
    for stopped in (1, 2, 3):
        first, _, about = run(tmp_path, STEPS[:stopped])
        (tmp_path / f"checkpoint-{stopped}").mkdir()
        first.on_save(**about)
        resumed, model, _ = run(tmp_path, STEPS[stopped:], begun=stopped)
        with resumed.in_place(model):
            results.append(model.weight.data.clone())
    assert all(torch.equal(result, results[0]) for result in results)


def test_the_best_step_is_kept(tmp_path: Path) -> None:
    """At the end the model has the average of the best step, not of the last."""
    averaging, _, about = run(tmp_path, STEPS[:2])
    (tmp_path / "checkpoint-2").mkdir()
    averaging.on_save(**about)
    averaging, model, about = run(tmp_path, STEPS)
    about["state"].best_global_step = 2
    averaging.on_train_end(**about)
    torch.testing.assert_close(model.weight.data, expected(STEPS[:2]))
