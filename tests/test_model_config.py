"""What a classifier's config.json says of its labels and of the tokens that it reads."""

from pathlib import Path
from typing import Any

import pytest
from support import edit_json

from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.model_config import read_config


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "camembert", "mpnet", "longformer"])
def test_roberta_positions(model_folder: Path, model_type: str) -> None:
    """RoBERTa's positions start after its padding id: of 514 it can use 512."""
    edit_json(model_folder / "config.json", model_type=model_type, max_position_embeddings=514, pad_token_id=1)
    assert read_config(model_folder / "config.json") == (FIVE_CLASSES, 512)
    edit_json(model_folder / "config.json", lambda config: config.pop("pad_token_id"))  # then it is 1
    assert read_config(model_folder / "config.json") == (FIVE_CLASSES, 512)


def test_label_order(model_folder: Path) -> None:
    """Labels come in the order of the outputs, not of the config's keys."""
    edit_json(model_folder / "config.json", id2label={"1": "b", "0": "a"})
    assert read_config(model_folder / "config.json")[0] == ("a", "b")


def test_labels_by_default(model_folder: Path) -> None:
    """A classifier without names has those that transformers leaves out, and what is no classifier has none."""

    def leave_out(config: dict[str, Any]) -> None:
        del config["id2label"]
        config["architectures"] = ["BertForSequenceClassification"]

    edit_json(model_folder / "config.json", leave_out)
    assert read_config(model_folder / "config.json")[0] == ("LABEL_0", "LABEL_1")
    edit_json(model_folder / "config.json", num_labels=3)
    assert read_config(model_folder / "config.json")[0] == ("LABEL_0", "LABEL_1", "LABEL_2")
    edit_json(model_folder / "config.json", num_labels=10**12)
    with pytest.raises(ConfigurationError, match="1,000,000,000,000 labels"):
        read_config(model_folder / "config.json")
    edit_json(model_folder / "config.json", lambda config: config.update(architectures=["BertModel"]))
    with pytest.raises(ConfigurationError, match="KeyError: 'id2label'"):
        read_config(model_folder / "config.json")


@pytest.mark.parametrize(
    "change",
    [
        {"id2label": None},
        {"id2label": {"0": "a", "2": "c"}},
        {"max_position_embeddings": None},
        {"model_type": "roberta", "pad_token_id": None},
        {"max_position_embeddings": float("inf")},
    ],
)
def test_not_a_classifier(model_folder: Path, change: dict[str, Any]) -> None:
    """A config that does not describe a classifier is named."""
    edit_json(model_folder / "config.json", **change)
    with pytest.raises(ConfigurationError, match=r"config\.json is not a sequence classifier's config"):
        read_config(model_folder / "config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem_type": "multi_label_classification"}, "is for multi_label_classification: only models"),
        ({"problem_type": "regression"}, "is for regression: only models with one label per text can be used"),
        ({"id2label": {"0": "score"}}, "has 1 label: a classifier needs at least two"),
    ],
)
def test_not_one_label_per_text(model_folder: Path, change: dict[str, Any], message: str) -> None:
    """Outputs that are no choice between labels are not read as one."""
    edit_json(model_folder / "config.json", lambda config: config.update(change))
    with pytest.raises(ConfigurationError, match=message):
        ModelBundle.load(model_folder)
