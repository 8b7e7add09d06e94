"""Compare interchangeable operators on one core: the ones chosen, and the ones rejected.

Each form is a graph of its own with random inputs of the embedded model's widths, for one text of `tokens` tokens.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.machine import describe
from benchmarks.process import in_subprocess, report_progress
from benchmarks.report import Report, Spread, table

_HIDDEN, _HEADS, _WIDTH, _INNER = 384, 12, 32, 1536
_MICROSOFT = "com.microsoft"
_RUNS = 50


class _Form:
    """A graph under construction, with one float32 or 8-bit output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.inputs: dict[str, Any] = {}

    def floats(self, name: str, *shape: int) -> str:
        import numpy as np

        self.inputs[name] = np.random.default_rng(len(self.inputs)).standard_normal(shape, np.float32)
        return name

    def integers(self, name: str, kind: str, *shape: int) -> str:
        import numpy as np

        limits = np.iinfo(kind)
        draw = np.random.default_rng(len(self.inputs)).integers
        self.inputs[name] = draw(limits.min, limits.max + 1, shape, dtype=kind)
        return name

    def constant(self, name: str, value: Any, kind: str) -> str:
        import numpy as np

        self.inputs[name] = np.array(value, kind)
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = f"{op}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def milliseconds(self) -> float:
        """Return the median time of several runs, with inputs and output already bound."""
        from onnx import TensorProto, helper
        from onnxruntime import InferenceSession, OrtValue, SessionOptions

        output = self.nodes[-1].output[0]
        declared = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in self.inputs.items()
        ]
        kind = TensorProto.UINT8 if self.nodes[-1].op_type == "QuantizeLinear" else TensorProto.FLOAT
        graph = helper.make_graph(self.nodes, "form", declared, [helper.make_tensor_value_info(output, kind, None)])
        opsets = [helper.make_opsetid("", 23), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=11)
        options = SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # as in the worker's session
        )
        binding = session.io_binding()
        for name, value in self.inputs.items():
            binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(value))
        (result,) = session.run(None, self.inputs)
        binding.bind_ortvalue_output(output, OrtValue.ortvalue_from_numpy(result))
        times = []
        for _ in range(_RUNS):
            begun = time.perf_counter()
            session.run_with_iobinding(binding)
            times.append(time.perf_counter() - begun)
        return statistics.median(times) * 1000


def _attention(form: _Form, tokens: int) -> None:
    form.node("Attention", *_heads(form, tokens), q_num_heads=_HEADS, kv_num_heads=_HEADS)


def _multi_head_attention(form: _Form, tokens: int) -> None:
    form.node("MultiHeadAttention", *_heads(form, tokens), domain=_MICROSOFT, num_heads=_HEADS)


def _attention_by_products(form: _Form, tokens: int) -> None:
    """Heads are strided, not copied; tokens come before texts."""
    heads = form.constant("heads", [tokens, _HEADS, _WIDTH], "int64")
    queries, keys, values = (form.node("Reshape", name, heads) for name in _heads(form, tokens))
    strides: dict[str, Any] = {"domain": _MICROSOFT, "transBatchB": 1}
    scores = form.node("FusedMatMul", queries, keys, transBatchA=1, transB=1, alpha=_WIDTH**-0.5, **strides)
    context = form.node("FusedMatMul", form.node("Softmax", scores, axis=-1), values, **strides)
    form.node("Transpose", context, perm=[1, 0, 2])


def _heads(form: _Form, tokens: int) -> list[str]:
    return [form.floats(name, 1, tokens, _HIDDEN) for name in ("queries", "keys", "values")]


def _scores(form: _Form, tokens: int) -> None:
    form.node("MatMul", form.floats("q", _HEADS, tokens, _WIDTH), form.floats("k", _HEADS, _WIDTH, tokens))


def _scores_in_int8(form: _Form, tokens: int) -> None:
    q, k = form.integers("q", "uint8", _HEADS, tokens, _WIDTH), form.integers("k", "int8", _HEADS, _WIDTH, tokens)
    _int8_product(form, q, k)


def _context(form: _Form, tokens: int) -> None:
    form.node("MatMul", form.floats("weights", _HEADS, tokens, tokens), form.floats("v", _HEADS, tokens, _WIDTH))


def _context_in_int8(form: _Form, tokens: int) -> None:
    """Quantizing the left side takes as long as the product saves."""
    weights = form.floats("weights", _HEADS, tokens, tokens)
    scale = form.node("ReduceMax", weights, form.constant("last", [-1], "int64"), keepdims=1)
    zeros = form.constant("zeros", [[[0]] * tokens] * _HEADS, "uint8")
    rows = form.node("QuantizeLinear", weights, scale, zeros, axis=-1, block_size=tokens)
    _int8_product(form, rows, form.integers("v", "int8", _HEADS, tokens, _WIDTH))


def _int8_product(form: _Form, left: str, right: str) -> None:
    scales = (form.constant("left", 0.01, "float32"), form.constant("right", 0.01, "float32"))
    zero = form.constant("zero", 128, "uint8")
    form.node("MatMulIntegerToFloat", left, right, *scales, zero, domain=_MICROSOFT)


def _activation(op: str) -> Callable[[_Form, int], None]:
    def add(form: _Form, tokens: int) -> None:
        form.node(op, form.floats("x", tokens, _INNER), domain=_MICROSOFT)

    return add


def _add_and_normalize(form: _Form, tokens: int) -> None:
    x, residual, *rest = _sum(form, tokens)
    form.node("LayerNormalization", form.node("Add", x, residual), *rest)


def _skip_layer_normalization(form: _Form, tokens: int) -> None:
    form.node("SkipLayerNormalization", *_sum(form, tokens), domain=_MICROSOFT)


def _sum(form: _Form, tokens: int) -> list[str]:
    rows = [form.floats(name, 1, tokens, _HIDDEN) for name in ("x", "residual")]
    return [*rows, *(form.floats(name, _HIDDEN) for name in ("scale", "bias"))]


# For each purpose, the form that the model uses comes first.
FORMS: Mapping[str, Mapping[str, Callable[[_Form, int], None]]] = {
    "attention": {
        "`Attention`": _attention,
        "`MultiHeadAttention`": _multi_head_attention,
        "`FusedMatMul`, `Softmax`, `FusedMatMul`": _attention_by_products,
    },
    "… of it, queries × keys": {"float": _scores, "int8": _scores_in_int8},
    "… of it, weights × values": {"float": _context, "int8, with quantizing the weights": _context_in_int8},
    "activation": {
        "`Gelu`": _activation("Gelu"),
        "`FastGelu`": _activation("FastGelu"),
        "`QuickGelu`": _activation("QuickGelu"),
    },
    "residual and norm": {
        "`Add`, `LayerNormalization`": _add_and_normalize,
        "`SkipLayerNormalization`": _skip_layer_normalization,
    },
}


def operators(tokens: int, repeat: int) -> Report:
    """Time every form `repeat` times, taking turns, with a new process for each turn."""
    machine = describe()
    turns = []
    for turn in range(repeat):
        turns.append(in_subprocess(measure, tokens))
        report_progress(f"{turn + 1}/{repeat}")
    rows, facts = [], {}
    for purpose, forms in FORMS.items():
        spreads = {name: Spread.of(times[purpose][name] for times in turns) for name in forms}
        chosen = next(iter(spreads.values())).median
        facts[purpose] = {name: asdict(spread) for name, spread in spreads.items()}
        rows += [(purpose, name, spread.show(3), f"{spread.median / chosen:.2f} ×") for name, spread in spreads.items()]
    figures = table(("purpose", "form", "milliseconds", "of the model's"), rows)
    text = f"One text of {tokens:,} tokens, one layer, one thread."
    found = {"machine": asdict(machine), "tokens": tokens, "milliseconds": facts}
    return Report("\n\n".join((machine.markdown(), text, figures)), found)


def measure(tokens: int) -> dict[str, dict[str, float]]:
    """Return the milliseconds of every form. Call through `process.in_subprocess`."""
    times: dict[str, dict[str, float]] = {}
    for purpose, forms in FORMS.items():
        times[purpose] = {}
        for name, add in forms.items():
            form = _Form()
            add(form, tokens)
            times[purpose][name] = form.milliseconds()
    return times
