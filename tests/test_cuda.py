"""What CUDA needs, and what is said if it is missing, on machines without a GPU."""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from cli.process import Command, error_line
from cli.tables import write_table

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.cuda import driver_problem, require_cuda, wheel_problem
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.session import Device, Session, _load, _reason, run_bound

without_cuda = pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="onnxruntime-gpu is installed"
)


@pytest.fixture
def second_wheel(tmp_path: Path) -> dict[str, str]:
    """An environment in which both wheels appear to be installed, going by their metadata."""
    for name in ("onnxruntime", "onnxruntime-gpu"):
        metadata = tmp_path / "site" / f"{name.replace('-', '_')}-1.31.1.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.31.1\n", "ascii")
    return {"PYTHONPATH": str(tmp_path / "site")}


@without_cuda
def test_the_wheel_without_cuda(tiny_bundle: Path) -> None:
    """The error names the CPU wheel's lack of CUDA and what to install instead."""
    with pytest.raises(
        ConfigurationError, match=r"no CUDAExecutionProvider: .* `pip install .onnxruntime-gpu\[cuda,cudnn\].`"
    ):
        Session(tiny_bundle / "model.onnx", Device.CUDA)
    with pytest.raises(ConfigurationError, match="or use --device cpu"):
        require_cuda()


def test_both_wheels(command: Command, model: Path, second_wheel: dict[str, str]) -> None:
    """With both wheels installed, --device cuda is refused and names them; auto uses the CPU without a word."""
    write_table(command.folder / "r.csv")
    result = command("score", "r.csv", "--model", model, "--device", "cuda", environment=second_wheel)
    assert result.code == 78
    assert error_line(result).startswith("onnxruntime and onnxruntime-gpu are both installed")
    assert "cuda: no: onnxruntime and onnxruntime-gpu are both" in command("info", environment=second_wheel).stdout
    quiet = command("score", "r.csv", "--model", model, "-q", "--json", environment=second_wheel)
    assert (quiet.code, quiet.stderr) == (0, "")
    assert '"provider": "CPUExecutionProvider"' in quiet.stdout


def test_int8_is_refused(command: Command) -> None:
    """With the built-in model, --device cuda is refused, saying how to make one for GPUs."""
    write_table(command.folder / "r.csv")
    result = command("score", "r.csv", "--device", "cuda")
    assert result.code == 78
    assert "has int8 graphs only" in error_line(result)
    assert "`sentiment-batch export --precision fp16`" in error_line(result)


def test_no_driver() -> None:
    """Without NVIDIA's library, the driver is reported as missing."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        assert str(driver_problem()).startswith("there is no NVIDIA driver (libcuda.so.1: ")
    else:
        pytest.skip("there is a driver")


def answer(folder: Path, name: str, source: str, asked: str) -> str:
    """Return what an expression prints in a process that finds a library built from this C source."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    options = ["-shared", "-fPIC", f"-Wl,-soname,{name}", "-x", "c", "-", "-o", folder / name]
    subprocess.run([compiler, *options], input=source.encode("ascii"), check=True)
    done = subprocess.run(
        [sys.executable, "-c", f"import ctypes; from sentiment_batch import cuda; print({asked})"],
        env={"LD_LIBRARY_PATH": str(folder)},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("code", "version", "said"),
    [
        (0, 13000, "None"),
        (0, 14010, "None"),
        (0, 12080, "knows CUDA 12.8, and onnxruntime-gpu "),
        (100, 13000, "finds no GPU that it can use (cuInit gives 100)"),
    ],
)
def test_what_the_driver_says(tmp_path: Path, code: int, version: int, said: str) -> None:
    """A driver without a GPU, or too old for the wheel, is reported; a good one is not."""
    source = f"""
        int cuInit(unsigned flags) {{ return {code}; }}
        int cuDriverGetVersion(int *version) {{ *version = {version}; return 0; }}
    """
    assert said in answer(tmp_path, "libcuda.so.1", source, "cuda.driver_problem('13.0')")


@without_cuda
def test_cudnn_is_asked_for(tmp_path: Path) -> None:
    """A missing cuDNN, which ONNX Runtime would notice only at attention, is reported from the start."""
    source = "int cudnnGetVersion(void) { return 90000; }"
    complete = "ctypes.CDLL('libcudnn.so.9') and cuda.library_problem()"
    assert answer(tmp_path, "libcudnn.so.9", source, complete) == "None\n"
    said = answer(tmp_path, "libcudnn.so.9", source, "cuda.library_problem()")
    assert said.startswith("CUDA is not complete (Failed to load cuDNN): `pip install ")


@without_cuda
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_nothing_falls_back_to_the_cpu(tiny_bundle: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A CUDA session is refused if nodes would run on the CPU, and nothing is printed."""
    with pytest.raises(ConfigurationError, match=r"does not run on CUDA alone \(.*fallback.*disabled.*\): "):
        _load(tiny_bundle / "model.onnx", Device.CUDA, 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "/src/cuda_call.cc:146 std::conditional_t<THRW, void, Status> CudaCall(ERRTYPE, int) [with THRW = true] "
            "CUDA failure 35: CUDA driver version is insufficient ; GPU=0 ; hostname=a ; expr=cudaSetDevice(id); \n\n",
            "CUDA failure 35: CUDA driver version is insufficient",
        ),
        ("\nno such file\nat line 1", "no such file"),
        ("", ""),
    ],
)
def test_what_the_bindings_say(error: str, said: str) -> None:
    """For an error of the CUDA provider the cause is given; for others the first line, if there is one."""
    assert _reason(RuntimeError(error)) == said


def test_bound_memory(tiny_bundle: Path) -> None:
    """Bound inputs and outputs give the logits of a plain run, to the bit: here in the CPU's memory."""
    session = _load(ModelBundle.load(tiny_bundle).graph, Device.CPU, 1)
    ids = np.random.default_rng(0).integers(0, 20, (5, 7))
    expected = session.run(None, {"input_ids": ids})[0]
    np.testing.assert_array_equal(run_bound(session, {"input_ids": ids}, "cpu"), expected)


@pytest.mark.skipif(wheel_problem() is None, reason="onnxruntime-gpu is installed")
def test_auto_is_the_cpu_without_cuda(tiny_bundle: Path) -> None:
    """Even with a float bundle, --device auto uses the CPU if CUDA is not installed."""
    from sentiment_batch.scoring import Scorer

    with Scorer.load(tiny_bundle) as scorer:
        assert scorer.provider == "CPUExecutionProvider"
