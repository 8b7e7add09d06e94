"""Check whether this installation and this machine have what CUDA needs, and if not, what is missing.

docs/gpu.md says how to get it. Whether a session then works on CUDA shows only when it runs: see session.py.
"""

import contextlib
import ctypes
import io
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import onnxruntime

from sentiment_batch.errors import ConfigurationError

PROVIDER = "CUDAExecutionProvider"

_DRIVER = "libcuda.so.1"
_INSTALL = "`pip install 'onnxruntime-gpu[cuda,cudnn]'`"


def require_cuda() -> None:
    """Raise ConfigurationError with the first thing that is missing, and how to get it."""
    missing = wheel_problem() or driver_problem() or library_problem()
    if missing:
        raise ConfigurationError(f"{missing}, or use --device cpu")


def wheel_problem() -> str | None:
    """Report a wheel without CUDA, or both wheels, which install different files under the same names."""
    if _is_installed("onnxruntime") and _is_installed("onnxruntime-gpu"):
        return (
            "onnxruntime and onnxruntime-gpu are both installed, over each other's files: "
            f"`pip uninstall onnxruntime onnxruntime-gpu`, then {_INSTALL}"
        )
    if PROVIDER not in onnxruntime.get_available_providers():
        return f"this installation of onnxruntime has no {PROVIDER}: `pip uninstall onnxruntime`, then {_INSTALL}"
    return None


def driver_problem(made_for: str = onnxruntime.cuda_version) -> str | None:
    """Report a missing driver, one that finds no GPU, or one older than CUDA `made_for`, a version like "13.0"."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError as error:
        return f"there is no NVIDIA driver ({error}): install it"
    if code := driver.cuInit(0):
        return f"the NVIDIA driver finds no GPU that it can use (cuInit gives {code}): see what `nvidia-smi` says"
    known = ctypes.c_int()  # 12080 is 12.8
    driver.cuDriverGetVersion(ctypes.byref(known))
    # Within a major version, an older driver will do.
    if made_for and known.value // 1000 < int(made_for.partition(".")[0]):
        return (
            f"the NVIDIA driver knows CUDA {known.value // 1000}.{known.value % 1000 // 10}, and onnxruntime-gpu "
            f"{onnxruntime.__version__} is made for {made_for}: install a newer driver"
        )
    return None


def library_problem() -> str | None:
    """Report missing CUDA libraries; those that pip has installed get loaded."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # it prints what it does not find
        onnxruntime.preload_dlls()
    missing = said.getvalue().partition("\n")[0]
    # It does not report a missing cuDNN, which some models do without.
    if not missing and "/libcudnn.so" not in Path("/proc/self/maps").read_text("utf-8"):
        missing = "Failed to load cuDNN"
    return f"CUDA is not complete ({missing}): {_INSTALL}" if missing else None


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
