"""An external program that builds and runs a per-row int8 graph; `--lab` names it.

Its two functions are called as its command line would: `bench` reads texts from a Parquet file and returns logits.
"""

import runpy
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import Batches, Classify, Contender, Layout, Setting, in_order
from benchmarks.tables import write_table
from sentiment_batch.model_config import read_config

_BATCH_TOKENS = 1024


class Lab(Contender):
    packages = ("onnx", "onnxruntime", "pyarrow", "safetensors", "tokenizers")

    @property
    def title(self) -> str:
        return "lab.py, per-row int8"

    def unavailable(self, setting: Setting) -> str | None:
        if setting.lab is None:
            return "a program of its own: name it with --lab"
        return super().unavailable(setting)

    def layouts(self, cores: int) -> list[Layout]:
        return [Layout(cores, 1)]

    def batches(self, texts: Sequence[str], lengths: Sequence[int], layout: Layout) -> Batches:
        """Texts of equal length run together, so there is no more padding than with each text alone."""
        return in_order(range(len(texts)), 1)

    def prepare(self, setting: Setting) -> None:
        runpy.run_path(str(setting.lab))["build"](str(setting.checkpoint), str(_graph(setting)), "row")

    def load(self, setting: Setting, layout: Layout) -> Classify:
        _keep_session()
        bench = runpy.run_path(str(setting.lab))["bench"]
        labels, _ = read_config(setting.checkpoint / "config.json")
        tokenizer = setting.checkpoint / "tokenizer.json"

        def classify(texts: Sequence[str]) -> list[str]:
            with tempfile.TemporaryDirectory() as name:
                file = Path(name, "texts.parquet")
                write_table(file, texts)
                logits = bench(str(_graph(setting)), str(tokenizer), str(file), "text", _BATCH_TOKENS, layout.runners)
            return [labels[best] for best in logits.argmax(axis=1)]

        classify(["a text"])
        return classify


def _keep_session() -> None:
    """Make all calls share the first session: the program opens one per call, as a process of its own would once."""
    import onnxruntime

    opened: list[onnxruntime.InferenceSession] = []
    open_session = onnxruntime.InferenceSession

    def first(*arguments: Any, **options: Any) -> onnxruntime.InferenceSession:
        if not opened:
            opened.append(open_session(*arguments, **options))
        return opened[0]

    onnxruntime.InferenceSession = first


def _graph(setting: Setting) -> Path:
    return setting.models / "lab.onnx"
