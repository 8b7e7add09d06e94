"""One ONNX Runtime session: batches of equal length in, logits out, on the provider that was asked for."""

from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from sentiment_batch.errors import ConfigurationError

_ERRORS_ONLY = 3
_SILENT = onnxruntime.RunOptions()
_SILENT.log_severity_level = 4  # an error of a run is raised, and need not be printed too


class Device(StrEnum):
    """Where to run: AUTO takes CUDA where it really works, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


PROVIDERS = {Device.CPU: "CPUExecutionProvider", Device.CUDA: "CUDAExecutionProvider"}


def require_provider(device: Device) -> None:
    """Raise ConfigurationError if this installation of onnxruntime was built without the device's provider."""
    if PROVIDERS[device] not in onnxruntime.get_available_providers():
        raise ConfigurationError(
            f"this installation of onnxruntime has no {PROVIDERS[device]}: "
            "use --device cpu, or replace onnxruntime by onnxruntime-gpu"
        )


class Session:
    """A loaded graph. `run` may be called from many threads at once; each call computes on its caller's thread."""

    def __init__(self, graph: Path, device: Device) -> None:
        """Load the graph on `device` (CPU or CUDA).

        Raises ConfigurationError if the provider is not there or does not load, or the graph is not a classifier.
        """
        require_provider(device)
        self.provider = PROVIDERS[device]
        self._session = _load(graph, self.provider)
        if self._session.get_providers()[0] != self.provider:
            raise ConfigurationError(
                f"{self.provider} is installed but does not load: check the GPU driver, CUDA and cuDNN, "
                "or use --device cpu"
            )
        # An exporter may leave the number of labels open: then it is a name.
        self.labels: int | str | None = self._session.get_outputs()[0].shape[-1]
        self._inputs = {value.name for value in self._session.get_inputs()}
        unknown = self._inputs - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown or "input_ids" not in self._inputs:
            raise ConfigurationError(f"{graph} is not a text classifier's graph: inputs {sorted(self._inputs)}")

    def run(self, input_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Logits, float32 [B, K], of B sequences of one length, int64 [B, L]; nothing is padding."""
        feed = {"input_ids": input_ids}
        if "attention_mask" in self._inputs:
            feed["attention_mask"] = np.ones_like(input_ids)
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(input_ids)
        logits: npt.NDArray[np.float32] = self._session.run(None, feed, _SILENT)[0]
        return logits


def _load(graph: Path, provider: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Many runs of one thread each beat one run of many threads: nothing waits inside a layer.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(
            str(graph),
            options,
            providers=[provider],
            # The fused kernel takes ten times as long as an Add followed by a LayerNormalization.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as error:  # the bindings raise classes of their own, derived from Exception
        raise ConfigurationError(f"{graph} does not load: {str(error).splitlines()[0]}") from error
