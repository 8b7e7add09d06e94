"""The built-in model on other processors, emulated."""

import json
import platform
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.process import Command

TEXTS = (
    "I had an awesome day!",
    "Not bad at all.",
    "a dull , lifeless film that never once surprises",
    "The second half drags, but the ending makes up for it; bring a friend, and do not expect too much.",
)

EMULATOR = "qemu-x86_64"


@pytest.mark.skipif(not shutil.which(EMULATOR), reason=f"{EMULATOR} (Debian: qemu-user) is not installed")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="compares x86-64 processors")
@pytest.mark.parametrize("processor", ["Nehalem-v2", "Haswell-v4"])
def test_same_predictions(tmp_path: Path, processor: str) -> None:
    """Without VNNI and without AVX2, probabilities are the same.

    The exceptions are a few texts where the last bit of a float tips the rounding of an activation; they differ by
    little.
    """
    here = Command(tmp_path)("predict", "--json", *TEXTS)
    there = Command(tmp_path, runner=(EMULATOR, "-cpu", processor, sys.executable))("predict", "--json", *TEXTS)
    assert (here.code, there.code) == (0, 0)
    probabilities = [
        [list(json.loads(line)["probabilities"].values()) for line in result.stdout.splitlines()]
        for result in (here, there)
    ]
    assert np.shape(probabilities) == (2, len(TEXTS), 5)
    differences = np.abs(np.subtract(*probabilities)).max(axis=1)
    assert np.median(differences) < 1e-5
    assert differences.max() < 1e-2
