"""Whether this installation and this machine have what CUDA takes, and if not, what is missing.

docs/gpu.md says how to get it. What a session then does with it is seen when it runs: see session.py.
"""

import contextlib
import ctypes
import io
from importlib.metadata import PackageNotFoundError, distribution

import onnxruntime

from sentiment_batch.errors import ConfigurationError

PROVIDER = "CUDAExecutionProvider"

_DRIVER = "libcuda.so.1"


def require_cuda() -> None:
    """Raise ConfigurationError with the first thing that is missing, and how to get it."""
    missing = wheel_problem() or driver_problem() or library_problem()
    if missing:
        raise ConfigurationError(f"{missing}, or use --device cpu")


def wheel_problem() -> str | None:
    """The wheel without CUDA, or both wheels, which hold different files of the same names."""
    if _is_installed("onnxruntime") and _is_installed("onnxruntime-gpu"):
        return (
            "onnxruntime and onnxruntime-gpu are both installed, over each other's files: "
            "`pip uninstall onnxruntime onnxruntime-gpu`, then `pip install onnxruntime-gpu`"
        )
    if PROVIDER not in onnxruntime.get_available_providers():
        return (
            f"this installation of onnxruntime has no {PROVIDER}: "
            "`pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`"
        )
    return None


def driver_problem() -> str | None:
    """No driver, or a driver that finds no GPU."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError as error:
        return f"there is no NVIDIA driver ({error}): install it"
    if code := driver.cuInit(0):
        return f"the NVIDIA driver finds no GPU that it can use (cuInit gives {code}): see what `nvidia-smi` says"
    return None


def library_problem() -> str | None:
    """CUDA's own libraries; they are loaded from where pip puts them, if they are there."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # it prints what it does not find
        onnxruntime.preload_dlls()
    if not said.getvalue():
        return None
    return f"CUDA is not complete ({said.getvalue().splitlines()[0]}): `pip install 'onnxruntime-gpu[cuda,cudnn]'`"


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
