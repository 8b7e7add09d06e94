"""The limit of an int8 model on this machine: its 8-bit products alone, on all cores."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gemm import Shape
from benchmarks.process import BenchmarkError
from benchmarks.report import Spread

TARGETS = {"short": 0.65, "long": 0.50}


def projections(config: Path) -> list[Shape]:
    """Return the inputs and outputs of each projection that every token of a BERT goes through.

    After the last layer's keys and values, only the first token counts. Work done once per text is left out.
    """
    fields = json.loads(config.read_text("utf-8"))
    if fields.get("model_type") != "bert":
        raise BenchmarkError(f"{config}: name the checkpoint of a BERT")
    hidden, inner, layers = (fields[name] for name in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    square = (hidden, hidden)
    return [*[square, square, square, square, (hidden, inner), (inner, hidden)] * (layers - 1), square, square]


@dataclass(frozen=True)
class Limit:
    """`operations_per_second`: 8-bit, on all cores. `fractions`: by workload, how much of that the model reaches."""

    operations_per_second: Spread
    operations_per_token: int
    fractions: Mapping[str, float]

    @classmethod
    def of(cls, shapes: Sequence[Shape], rates: Sequence[float], tokens_per_second: Mapping[str, float]) -> "Limit":
        rate = Spread.of(rates)
        per_token = 2 * sum(rows * columns for rows, columns in shapes)
        fractions = {name: tokens * per_token / rate.median for name, tokens in tokens_per_second.items()}
        return cls(rate, per_token, fractions)

    def markdown(self) -> str:
        return (
            f"u8 × s8 products on all cores: {self.operations_per_second.show(0, 1e9)} GOPS; "
            f"the model does {self.operations_per_token / 1e6:.1f} million operations a token."
        )
