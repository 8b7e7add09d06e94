"""What importing costs: the run side does not load the build side, and help loads nothing heavy."""

import subprocess
import sys
from pathlib import Path

import pytest

BUILD_SIDE = {
    *("torch", "transformers", "matplotlib", "optimum", "kaggle", "kagglesdk", "huggingface_hub", "requests"),
    *("sentiment_batch.export", "sentiment_batch.fetching", "sentiment_batch.training"),
    *("jinja2", "sentiment_batch.report"),
}


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after running `code`."""
    report = "import sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, check=True, text=True)
    return set(done.stderr.split())


def modules_after_command(*words: str) -> set[str]:
    """The modules that `sentiment-batch` holds at its end."""
    return modules_after(
        f"import sys; sys.argv = ['sentiment-batch', *{words}]\n"
        "from sentiment_batch.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code"
    )


@pytest.mark.parametrize("module", ["worker", "scoring", "sources", "sinks", "cli"])
def test_run_side_is_clear_of_the_build_side(module: str) -> None:
    """Importing the run side imports nothing that only training or export needs."""
    loaded = modules_after(f"import sentiment_batch.{module}")
    assert f"sentiment_batch.{module}" in loaded
    assert not loaded & BUILD_SIDE


def test_scoring_needs_no_arrow() -> None:
    """Texts are scored without the libraries that read and write files."""
    assert "pyarrow" not in modules_after("import sentiment_batch.scoring")


def test_scoring_loads_nothing_of_the_build_side(model: Path) -> None:
    """Running the command imports nothing more of it either."""
    loaded = modules_after_command("predict", "--model", str(model), "good")
    assert "onnxruntime" in loaded
    assert not loaded & (BUILD_SIDE | {"onnx"})


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["score", "--help"], ["train", "-h"], ["fetch", "-h"], ["report", "-h"]]
)
def test_help_is_light(words: list[str]) -> None:
    """Help and version import neither onnxruntime nor pyarrow nor numpy."""
    loaded = modules_after_command(*words)
    assert "sentiment_batch.cli.main" in loaded
    assert not loaded & (BUILD_SIDE | {"onnxruntime", "pyarrow", "numpy", "tokenizers"})
