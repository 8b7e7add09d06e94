"""One ONNX Runtime session: batches in, logits out, on the provider that was asked for, or an error."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from sentiment_batch import cuda
from sentiment_batch.arrays import FloatArray, IntegerArray
from sentiment_batch.errors import ConfigurationError, first_line

# What goes wrong is raised, and said once.
_FATAL_ONLY = 4
# float32 graphs multiply in float32, and not with ten bits of mantissa. Of ONNX Runtime's kernels for attention all but
# cuDNN's (flash 1, memory-efficient 2, unfused 16): cuDNN's is built anew for each shape, on each thread, for 0.2 s.
_CUDA_OPTIONS = {"use_tf32": "0", "sdpa_kernel": "19"}
# Before it, the CUDA provider puts the C++ that has asked; behind it, the host and the line.
_CUDA_FAILURE = re.compile(r"CU[A-Z]+ failure \d+: [^;\n]*[^;\s]")


class Device(StrEnum):
    """Where to run: AUTO takes CUDA where it really works, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


PROVIDERS = {Device.CPU: "CPUExecutionProvider", Device.CUDA: cuda.PROVIDER}


class Session:
    """A loaded graph. `run` may be called from many threads at once.

    `threads`: how many compute a run, its caller's included. `pads`: whether batches are better padded, which takes a
    GPU, and a graph that takes a mask.
    """

    def __init__(self, graph: Path, device: Device, threads: int = 1) -> None:
        """Load the graph on `device` (CPU or CUDA), and on CUDA run one token to see that it works.

        `threads` are those of a run on a CPU: many runs of one thread each beat one run of many threads, for nothing
        waits inside a layer; a single long text is done sooner by many.

        Raises ConfigurationError if the provider is not there or does not run all of the graph, or the graph is not a
        classifier.
        """
        self.graph = graph
        self.device = device
        self.threads = 1 if device is Device.CUDA else threads
        self.provider = PROVIDERS[device]
        if device is Device.CUDA:
            cuda.require_cuda()
        self._session = _load(graph, device, self.threads)
        if self._session.get_providers()[0] != self.provider:
            raise ConfigurationError(f"{self.provider} does not load: use --device cpu, or see `sentiment-batch info`")
        # An exporter may leave the number of labels open: then it is a name. Nor need it know the shape.
        self.labels: int | str | None = next(reversed(self._session.get_outputs()[0].shape), None)
        self._inputs = {value.name for value in self._session.get_inputs()}
        unknown = self._inputs - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown or "input_ids" not in self._inputs:
            raise ConfigurationError(f"{graph} is not a text classifier's graph: inputs {sorted(self._inputs)}")
        self.pads = device is Device.CUDA and "attention_mask" in self._inputs
        if device is Device.CUDA:
            self._try_one_token()

    def run(self, input_ids: IntegerArray, attention_mask: IntegerArray | None = None) -> FloatArray:
        """Logits, float32 [B, K], of B sequences, int64 [B, L]; without a mask nothing is padding.

        The mask, int64 [B, L], is 1 for tokens and 0 for padding: only for a graph that takes one. Raises
        ConfigurationError if the graph does not take them.
        """
        feed = {"input_ids": input_ids}
        if "attention_mask" in self._inputs:
            feed["attention_mask"] = np.ones_like(input_ids) if attention_mask is None else attention_mask
        if "token_type_ids" in self._inputs:
            feed["token_type_ids"] = np.zeros_like(input_ids)
        try:
            if self.device is Device.CUDA:
                return run_bound(self._session, feed, "cuda")
            logits: FloatArray = self._session.run(None, feed)[0]
        except InvalidArgument as error:
            raise ConfigurationError(
                f"{self.graph} does not take what tokenizer.json gives: {_reason(error)}"
            ) from error
        return logits

    def _try_one_token(self) -> None:
        try:
            self.run(np.zeros((1, 1), dtype=np.int64))
        except ConfigurationError:
            raise
        except Exception as error:  # the bindings raise classes of their own, derived from Exception
            raise ConfigurationError(f"{self.graph} does not run on CUDA: {_reason(error)}") from error


def run_bound(session: onnxruntime.InferenceSession, feed: Mapping[str, IntegerArray], place: str) -> FloatArray:
    """The first output, with inputs and outputs bound to memory of `place`, cuda or cpu: each is copied once."""
    binding = session.io_binding()
    for name, tensor in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(tensor, place))
    for output in session.get_outputs():
        binding.bind_output(output.name, place)
    session.run_with_iobinding(binding)
    first: FloatArray = binding.copy_outputs_to_cpu()[0]
    return first


def _load(graph: Path, device: Device, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    if device is Device.CUDA:
        # A node without a kernel for CUDA is an error, and not run on the CPU.
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        onnxruntime.set_default_logger_severity(_FATAL_ONLY)
    try:
        return onnxruntime.InferenceSession(
            str(graph),
            options,
            providers=[(PROVIDERS[device], _CUDA_OPTIONS if device is Device.CUDA else {})],
            # On CPUs the fused kernel takes ten times as long as an Add followed by a LayerNormalization.
            disabled_optimizers=["SkipLayerNormFusion"] if device is Device.CPU else [],
            # Or a session that fails on CUDA is made anew on the CPU.
            enable_fallback=0,
        )
    except Exception as error:  # the bindings raise classes of their own, derived from Exception
        if device is Device.CUDA:
            raise ConfigurationError(
                f"{graph} does not run on CUDA alone ({_reason(error)}): "
                "`sentiment-batch export --precision fp16` makes a bundle that is meant for it, or use --device cpu"
            ) from error
        raise ConfigurationError(f"{graph} does not load: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What the bindings say, in a line that people can read."""
    failure = _CUDA_FAILURE.search(str(error))
    return failure[0] if failure else first_line(error)
