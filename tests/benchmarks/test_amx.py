"""Measuring as on a processor without AMX."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiment_batch.hardware import cpu_flags

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif("amx_int8" not in cpu_flags(), reason="the processor has no AMX")


def test_flags(bench: Callable[..., dict[str, Any]], tiny_bundle: Path) -> None:
    """The machine is described with the flags that the measured processes have, and no others."""
    usable = [
        bench(*options, "latency", f"--bundle={tiny_bundle}")["machine"]["flags"]
        for options in ((), ("--without-amx",))
    ]
    assert [flag for flag in usable[0] if not flag.startswith("amx_")] == usable[1] != usable[0]


def test_predictions() -> None:
    """Products of 8-bit integers are exact: predictions are the same to the bit."""
    score = "from sentiment_batch.cli import main; main()"
    deny = "from benchmarks.amx import deny_amx, usable_flags; deny_amx(); assert 'amx_int8' not in usable_flags()"
    reviews = (ROOT / "examples" / "reviews.csv").read_bytes()
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code, "score", "-", "--columns", "id", "--probabilities", "-q"],
            input=reviews,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            check=True,
        ).stdout
        for code in (score, f"{deny}; {score}")
    ]
    assert outputs[0] == outputs[1] != b""
