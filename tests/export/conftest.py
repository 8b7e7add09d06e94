from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import write_checkpoint

from sentiment_batch.export import ExportOptions, ExportReport, export_bundle
from sentiment_batch.manifest import Precision, Quantization

Export = Callable[[str, Quantization], ExportReport]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the tiny checkpoint of a model type, written once per session."""
    root = tmp_path_factory.mktemp("checkpoints")

    def write(model_type: str) -> Path:
        folder = root / model_type
        return folder if folder.exists() else write_checkpoint(folder, model_type)

    return write


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, checkpoint: Callable[[str], Path]) -> Export:
    """Export a tiny model, without a limit on disagreement, once per session."""
    root = tmp_path_factory.mktemp("bundles")
    reports: dict[tuple[str, Quantization], ExportReport] = {}

    def export(model_type: str, quantization: Quantization) -> ExportReport:
        key = (model_type, quantization)
        if key not in reports:
            options = ExportOptions(
                str(checkpoint(model_type)), root / f"{model_type}-{quantization}", quantization, max_disagreement=1
            )
            reports[key] = export_bundle(options, {})
        return reports[key]

    return export


@pytest.fixture(scope="session")
def float16(tmp_path_factory: pytest.TempPathFactory, checkpoint: Callable[[str], Path]) -> ExportReport:
    """The tiny BERT exported for GPUs."""
    output = tmp_path_factory.mktemp("float16") / "bundle"
    return export_bundle(ExportOptions(str(checkpoint("bert")), output, Quantization.NONE, Precision.FP16), {})
