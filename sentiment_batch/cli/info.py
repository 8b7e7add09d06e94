"""`sentiment-batch info`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sentiment_batch.cli.options import json_option, verbose_option


@click.command(short_help="Show versions, hardware and the default model.")
@json_option
@verbose_option
def info(as_json: bool) -> None:
    """Show what this installation runs on: versions, processor, usable providers, threads, default model.

    \b
    Examples:
      sentiment-batch info
      sentiment-batch info --json
    """
    facts = _collect()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    card = Path(facts["default model"].pop("card")).read_text("utf-8")
    del facts["default model"]["measured"]  # it is in the card, readable
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, item in value.items():
                click.echo(f"  {key}: {item}")
        else:
            click.echo(f"{name}: {value}")
    click.echo(f"\n{card}", nl=False)


def _collect() -> dict[str, Any]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from sentiment_batch.bundle import ModelBundle
    from sentiment_batch.cuda import require_cuda
    from sentiment_batch.errors import ConfigurationError
    from sentiment_batch.hardware import SIMD_FLAGS, cpu_flags, int8_products, usable_cores
    from sentiment_batch.manifest import read_manifest
    from sentiment_batch.session import Device, Session

    def installed(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    def answer(check: Callable[[], object], yes: str) -> str:
        try:
            check()
        except ConfigurationError as error:
            return f"no: {error}"
        return yes

    bundle = ModelBundle.load()
    manifest = read_manifest(bundle.folder)
    cores = usable_cores()
    flags = cpu_flags()
    runtimes = ("onnxruntime", "onnxruntime-gpu")
    packages = ("sentiment-batch", *runtimes, "tokenizers", "pyarrow", "numpy", "torch", "transformers", "optimum")
    return {
        "versions": {"python": platform.python_version()} | {name: installed(name) for name in packages},
        "processor": {
            "machine": platform.machine(),
            "flags": [flag for flag in SIMD_FLAGS if flag in flags],
            "8-bit products": int8_products(flags),
        },
        "providers": {
            "cpu": answer(lambda: Session(bundle.graph, Device.CPU), "yes"),
            "cuda": answer(require_cuda, "yes, with a bundle that `sentiment-batch export --precision fp16` has made"),
        },
        "threads": {"count": cores.count, "from": cores.origin},
        "default model": {
            "folder": str(bundle.folder),
            "graph": bundle.graph.name,
            "sha256": bundle.sha256,
            "labels": list(bundle.labels),
            "max_tokens": bundle.max_tokens,
            "quantization": manifest["quantization"],
            "measured": manifest["measured"],
            "card": str(bundle.folder / "README.md"),
        },
    }
