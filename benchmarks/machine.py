"""The machine that the figures were measured on."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.amx import usable_flags
from benchmarks.contenders import installed
from sentiment_batch.hardware import SIMD_FLAGS, usable_cores

_PACKAGES = (
    "sentiment-batch",
    "onnxruntime",
    "onnxruntime-gpu",
    "tokenizers",
    "pyarrow",
    "numpy",
    "torch",
    "transformers",
    "optimum-onnx",
    "sentence-transformers",
    "ctranslate2",
    "openvino",
    "nncf",
)


@dataclass(frozen=True)
class Machine:
    """The machine and its software.

    `load_average`: that of the last minute before the measurement. `gpus`: names and driver versions of NVIDIA GPUs.
    """

    processor: str
    flags: list[str]
    usable_cores: int
    cores_from: str
    memory_bytes: int
    load_average: float
    system: str
    versions: dict[str, str]
    gpus: list[str]

    def markdown(self) -> str:
        """One line per fact."""
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return "\n".join(
            (
                f"- processor: {self.processor}; {' '.join(self.flags) or 'no telling flags'}",
                f"- usable cores, and threads of every contender: {self.usable_cores} ({self.cores_from})",
                f"- memory: {self.memory_bytes / 2**30:.1f} GiB; {self.system}",
                *(f"- GPU: {gpu}" for gpu in self.gpus),
                f"- load average before the start: {self.load_average:.2f}",
                f"- versions: {packages}",
            )
        )


def describe() -> Machine:
    cores = usable_cores()
    flags = usable_flags()
    return Machine(
        processor=_processor(),
        flags=[flag for flag in SIMD_FLAGS if flag in flags],
        usable_cores=cores.count,
        cores_from=cores.origin,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        load_average=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        versions={"python": platform.python_version()}
        | {name: installed(name) or "not installed" for name in _PACKAGES},
        gpus=_gpus(),
    )


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
