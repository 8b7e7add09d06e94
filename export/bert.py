"""A BERT sequence classifier as an ONNX graph laid by hand: what a batch needs, and no more.

Against the graph that a tracer writes: no mask and no padding unless they are asked for, attention in one operator,
Add followed by LayerNormalization (ONNX Runtime's fused SkipLayerNormalization is several times slower on CPUs), and
after the last layer's keys and values only the first token, [CLS], which is all that the classifier reads.

Every projection is a MatMul with a constant and an Add, so that quantizing is a rewrite that knows nothing of BERT.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from sentiment_batch.arrays import FloatArray
from sentiment_batch.export.graph import MICROSOFT, OPSET, GraphBuilder

_TOKENS = "row.tokens"
# The first in which Attention takes them.
_MASKED_OPSET = 24


def can_lay(config: Mapping[str, Any]) -> bool:
    """Whether a checkpoint with this configuration, complete, is a BERT of the plain kind that `lay_bert` writes."""
    return (
        config["model_type"] == "bert"
        and config["position_embedding_type"] == "absolute"
        and config["hidden_act"] == "gelu"
        and config["num_hidden_layers"] > 0
        and not config["is_decoder"]
    )


def lay_bert(config: Mapping[str, Any], weights: Mapping[str, FloatArray], *, masked: bool = False) -> onnx.ModelProto:
    """The float32 graph: `input_ids` int64 [B, L], all rows of one length, to `logits` float32 [B, labels].

    `masked` adds the input `attention_mask` int64 [B, L], 1 for the tokens of a row, then 0 for its padding. `weights`
    are those of transformers' BertForSequenceClassification, under its names.
    """
    return _Bert(config, weights, masked=masked).model()


class _Bert:
    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, FloatArray], *, masked: bool) -> None:
        self._weights = weights
        self._hidden = int(config["hidden_size"])
        self._heads = int(config["num_attention_heads"])
        self._layers = int(config["num_hidden_layers"])
        self._epsilon = float(config["layer_norm_eps"])
        self._graph = GraphBuilder()
        self._masked = masked

    def model(self) -> onnx.ModelProto:
        graph = self._graph
        inputs = ["input_ids", "attention_mask"] if self._masked else ["input_ids"]
        x = self._embed(*inputs)
        if self._masked:
            self._count_tokens("attention_mask")
        for layer in range(self._layers):
            x = self._layer(x, f"bert.encoder.layer.{layer}", last=layer == self._layers - 1)
        x = graph.node("Squeeze", [x, graph.constant("length.axis", np.array([1], np.int64))], "cls")
        x = graph.node("Tanh", [self._linear(x, "bert.pooler.dense")], "pooled")
        self._linear(x, "classifier", output="logits")
        labels = len(self._weights["classifier.bias"])
        return graph.model(
            "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in inputs],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])],
            opset=_MASKED_OPSET if self._masked else OPSET,
        )

    def _embed(self, ids: str, mask: str | None = None) -> str:
        """Words, positions and the first segment's type, float32 [B, L, hidden]."""
        graph, prefix = self._graph, "bert.embeddings"
        words = graph.constant(f"{prefix}.words", self._weights[f"{prefix}.word_embeddings.weight"])
        segment = self._weights[f"{prefix}.token_type_embeddings.weight"][0]
        positions = graph.constant(
            f"{prefix}.positions_and_segment", self._weights[f"{prefix}.position_embeddings.weight"] + segment
        )
        if mask:
            # ONNX Runtime computes with shapes on the CPU; this stays where the rest is.
            axis = graph.constant("length.axis.scalar", np.array(1, np.int64))
            ordinals = graph.node("CumSum", [mask, axis], "ordinals", exclusive=1)
            places = graph.node("Gather", [positions, ordinals], f"{prefix}.places")
        else:
            length = graph.node("Shape", [ids], "length", start=1, end=2)
            zero = graph.constant("zero", np.array([0], np.int64))
            places = graph.node("Slice", [positions, zero, length], f"{prefix}.places")
        x = graph.node("Gather", [words, ids], f"{prefix}.found")
        return self._normalize(graph.node("Add", [x, places], f"{prefix}.sum"), f"{prefix}.LayerNorm")

    def _count_tokens(self, mask: str) -> None:
        """How many tokens each row has, int64 [B]."""
        axis = self._graph.constant("length.axis", np.array([1], np.int64))
        self._graph.node("ReduceSum", [mask, axis], _TOKENS, keepdims=0)

    def _layer(self, x: str, prefix: str, *, last: bool) -> str:
        """One encoder layer, [B, L, hidden]; the last one yields [CLS] only, [B, 1, hidden]."""
        graph, attention = self._graph, f"{prefix}.attention"
        keys, values = (self._linear(x, f"{attention}.self.{name}") for name in ("key", "value"))
        if last:
            x = graph.node("Gather", [x, graph.constant("zero", np.array([0], np.int64))], f"{x}.first", axis=1)
        queries = self._linear(x, f"{attention}.self.query")
        context = self._attend([queries, keys, values], f"{attention}.context")
        x = self._add_and_normalize(context, x, f"{attention}.output")
        inner = self._linear(x, f"{prefix}.intermediate.dense")
        inner = graph.node("Gelu", [inner], f"{prefix}.intermediate.gelu", domain=MICROSOFT)
        return self._add_and_normalize(inner, x, f"{prefix}.output")

    def _attend(self, projections: list[str], output: str) -> str:
        # No mask, which would cost the fused kernels for GPUs, but how many keys each row has.
        lengths = ["", "", "", _TOKENS] if self._masked else []
        inputs = [*projections, *lengths]
        return self._graph.node("Attention", inputs, output, q_num_heads=self._heads, kv_num_heads=self._heads)

    def _add_and_normalize(self, x: str, residual: str, prefix: str) -> str:
        total = self._graph.node("Add", [self._linear(x, f"{prefix}.dense"), residual], f"{prefix}.sum")
        return self._normalize(total, f"{prefix}.LayerNorm")

    def _normalize(self, x: str, prefix: str) -> str:
        scale = self._graph.constant(f"{prefix}.weight", self._weights[f"{prefix}.weight"])
        bias = self._graph.constant(f"{prefix}.bias", self._weights[f"{prefix}.bias"])
        return self._graph.node("LayerNormalization", [x, scale, bias], prefix, axis=-1, epsilon=self._epsilon)

    def _linear(self, x: str, prefix: str, output: str | None = None) -> str:
        graph = self._graph
        # PyTorch keeps a projection's weights as [out, in]; MatMul reads [in, out].
        weight = graph.constant(f"{prefix}.weight", self._weights[f"{prefix}.weight"].T)
        bias = graph.constant(f"{prefix}.bias", self._weights[f"{prefix}.bias"])
        return graph.node("Add", [graph.node("MatMul", [x, weight], f"{prefix}.product"), bias], output or prefix)
