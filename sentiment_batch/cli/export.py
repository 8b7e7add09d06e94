"""`sentiment-batch export`."""

from pathlib import Path

import click

from sentiment_batch.cli.labelled import build_recipe, labelled_data_options, load_samples, warn_of_training_data
from sentiment_batch.cli.messages import notes
from sentiment_batch.cli.options import Finite, quiet_option, verbose_option


@click.command(short_help="Turn a checkpoint into a bundle (extra: export).")
@click.option(
    "--checkpoint", default="checkpoint", show_default=True, help="Folder or hub id of the checkpoint to export."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="bundle",
    show_default=True,
    help="Folder for the bundle.",
)
@click.option(
    "--quantize",
    type=click.Choice(["per-row", "per-tensor", "none"]),
    is_flag=False,
    flag_value="per-row",
    default="none",
    show_default=True,
    help="Quantize to dynamic int8; without a value: per-row.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16"]),
    default="fp32",
    show_default=True,
    help="Precision of a graph that is not quantized; fp16 is for GPUs.",
)
@click.option(
    "--max-disagreement",
    type=Finite(0, 100),
    default=2.0,
    show_default=True,
    help="Percentage of texts that int8 or fp16 may label differently from float.",
)
@click.option(
    "--max-accuracy-drop",
    type=Finite(0, 100),
    default=0.5,
    show_default=True,
    help="Percentage points of accuracy that int8 or fp16 may lose, if the data has labels.",
)
@click.option("--behaviour", is_flag=True, help="Also test negation, contrast, typos and so on: 200 English cases.")
@click.option("--force", is_flag=True, help="Replace an existing bundle.")
@labelled_data_options
@quiet_option
@verbose_option
def export(
    checkpoint: str,
    output: Path,
    quantize: str,
    precision: str,
    max_disagreement: float,
    max_accuracy_drop: float,
    behaviour: bool,
    force: bool,
    files: tuple[Path, ...],
    recipe_file: Path | None,
    data_folder: Path,
    text_column: str | None,
    label_column: str | None,
    group_column: str | None,
    quiet: bool,
) -> None:
    """Export a checkpoint to ONNX, verify and quantize the graph, and write a bundle.

    A bundle holds one graph: float32, int8 for CPUs (--quantize), or float16 for GPUs (--precision fp16).

    Agreement with the checkpoint is measured on the texts of --data, on the texts that a --recipe held out, or on a
    small built-in sample. If the data has labels, accuracy is checked too, and a temperature is fitted that makes
    confidence match accuracy. A graph that fails a check is not written.

    \b
    Examples:
      sentiment-batch export --quantize
      sentiment-batch export --checkpoint checkpoint/ --quantize -o bundle/ --data labelled.csv
      sentiment-batch export --checkpoint checkpoint/ --precision fp16 -o gpu-bundle/
    """
    from sentiment_batch.cli.extras import require_extra

    require_extra("export", "onnx", "optimum", "torch", "transformers")
    from sentiment_batch.export import Checkpoint, ExportOptions, Sample, export_bundle
    from sentiment_batch.export.lineage import lineage
    from sentiment_batch.manifest import Precision, Quantization, trained_on

    options = ExportOptions(
        checkpoint,
        output,
        Quantization(quantize),
        Precision(precision),
        max_disagreement / 100,
        max_accuracy_drop / 100,
        behaviour=behaviour,
        force=force,
    )
    samples = {}
    if files or recipe_file:
        opened = Checkpoint.open(checkpoint)
        recipe = build_recipe(files, recipe_file, text_column, label_column, group_column, opened.labels)
        loaded = load_samples(recipe, data_folder, split=recipe_file is not None)
        samples = {name: Sample(texts, labels) for name, (texts, labels) in loaded.items()}
        warn_of_training_data(files, trained_on(lineage(opened.metrics)))
    note = notes(quiet)
    report = export_bundle(options, samples, progress=note)
    for line in report.summary().splitlines():
        note(line)
