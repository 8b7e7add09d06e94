"""The CrossEncoder of sentence-transformers on its ONNX backend, with its own dynamic int8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import Batches, Classify, Contender, Layout, Setting, batch_size_layouts, in_order


class CrossEncoder(Contender):
    packages = ("sentence-transformers", "optimum-onnx", "onnxruntime", "torch", "transformers")

    @property
    def title(self) -> str:
        return "sentence-transformers CrossEncoder, ONNX int8"

    def layouts(self, cores: int) -> list[Layout]:
        return batch_size_layouts(cores)

    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        """Return batches as the CrossEncoder makes them, sorted by the number of characters."""
        return in_order(sorted(range(len(texts)), key=lambda row: -len(texts[row])), layout.batch_size)

    def prepare(self, setting: Setting) -> None:
        from sentence_transformers import export_dynamic_quantized_onnx_model

        folder = setting.models / "cross-encoder"
        encoder = _open(setting.checkpoint, setting, {})
        encoder.save_pretrained(str(folder))
        export_dynamic_quantized_onnx_model(encoder, "avx512_vnni", str(folder))

    def load(self, setting: Setting, layout: Layout) -> Classify:
        from onnxruntime import SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = layout.threads
        graph = {"file_name": "onnx/model_qint8_avx512_vnni.onnx", "session_options": options}
        encoder = _open(setting.models / "cross-encoder", setting, graph)
        # It scores pairs and would take a list of texts for one pair, but it can score single texts as well.
        encoder.is_singular_input = lambda inputs: False
        labels = encoder.config.id2label

        def classify(texts: Sequence[str]) -> list[str]:
            logits = encoder.predict(list(texts), batch_size=layout.batch_size, show_progress_bar=False)
            return [labels[best] for best in logits.argmax(axis=1)]

        return classify


def _open(folder: Path, setting: Setting, graph: dict[str, Any]) -> Any:
    import sentence_transformers

    return sentence_transformers.CrossEncoder(
        str(folder),
        backend="onnx",
        device="cpu",
        max_length=setting.max_tokens,
        model_kwargs={"provider": "CPUExecutionProvider", **graph},
    )
