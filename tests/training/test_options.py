"""Options of a training run, each shown to have an effect, on a two-layer model."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file
from support import edit_json
from tiny_models import write_checkpoint
from training.conftest import write_reviews
from training.stopping import train_until
from transformers import AutoTokenizer

from sentiment_batch.errors import BadDataError, ConfigurationError, NoInputError
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.training.corpora import Corpus, load_corpus
from sentiment_batch.training.distillation import soft_labels
from sentiment_batch.training.finetune import finetune, prepare
from sentiment_batch.training.recipe import CorpusSpec, Recipe, TrainingOptions
from sentiment_batch.training.run import train_checkpoint

OPTIONS = TrainingOptions(epochs=1, batch_size=16, learning_rate=0.005, bfloat16="off")


@pytest.fixture(scope="module")
def recipe(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """80 short reviews whose label is given away by one word."""
    file = write_reviews(tmp_path_factory.mktemp("data") / "x.tsv", nouns=("film", "plot"), most=8)
    return Recipe((CorpusSpec("x", str(file)),), base=str(base), options=OPTIONS)


def train(recipe: Recipe, output: Path, **options: Any) -> dict[str, Any]:
    recipe = replace(recipe, options=replace(recipe.options, **options))
    return train_checkpoint(recipe, load(recipe), output, restart=False, show_progress=False)


def load(recipe: Recipe) -> list[Corpus]:
    return [load_corpus(spec, Path(), recipe.labels) for spec in recipe.corpora]


def weights(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    found: dict[str, npt.NDArray[np.float32]] = load_file(folder / "model.safetensors")
    return found


def same(first: Path, second: Path) -> bool:
    one, other = weights(first), weights(second)
    return all(np.array_equal(values, other[name]) for name, values in one.items())


@pytest.fixture(scope="module")
def plain(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without options."""
    output = tmp_path_factory.mktemp("plain")
    train(recipe, output)
    return output


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.3},
        {"ordinal": 1.0},
        {"r_drop": 1.0},
        {"ema_decay": 0.9},
        {"layer_decay": 0.5},
        {"head_learning_rate": 0.05},
        {"class_weights": (1.0, 1.0, 9.0, 1.0, 1.0)},
        {"gradient_accumulation": 2},
        {"bfloat16": "on"},
        {"unfreeze_every": 0.2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_option_reaches_the_training(recipe: Recipe, plain: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    """A run with any of these options succeeds and gives other weights than a run without options."""
    assert train(recipe, tmp_path, **options)["dev"]["x"]["eval_rows"] > 0
    assert not same(tmp_path, plain)


def test_the_same_recipe_gives_the_same_weights(recipe: Recipe, plain: Path, tmp_path: Path) -> None:
    """The same recipe gives the same weights."""
    train(recipe, tmp_path)
    assert same(tmp_path, plain)


def test_frozen_weights_stay_as_they_are(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    """Frozen embeddings and layers are those of the base, to the bit, even with weight decay and averaging."""
    train(recipe, tmp_path, freeze_layers=1, weight_decay=0.5, ema_decay=0.9)
    before, after = weights(base), weights(tmp_path)
    unchanged = {name for name, values in before.items() if np.array_equal(values, after[f"bert.{name}"])}
    assert unchanged == {name for name in before if name.startswith(("embeddings.", "encoder.layer.0."))}


@pytest.mark.parametrize(
    "options",
    [{"epochs": 2}, {"epochs": 2, "ema_decay": 0.8, "r_drop": 1.0}, {"epochs": 12, "patience": 2}],
    ids=["plain", "options", "patience"],
)
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_continued_run_ends_as_one_that_was_not_stopped(
    recipe: Recipe, tmp_path: Path, options: dict[str, Any], weight: float
) -> None:
    """A run stopped while it saves a step continues from the one before to the same weights, to the bit.

    It continues with the same rows, the same average, and the patience that was left.
    """
    recipe = replace(
        recipe,
        corpora=(replace(recipe.corpora[0], weight=weight),),
        options=replace(recipe.options, **options),
    )
    corpora = load(recipe)

    def run(name: str) -> dict[str, Any]:
        return finetune(prepare(recipe, corpora), recipe, corpora, tmp_path / name, show_progress=False)

    whole = run("whole")
    assert "patience" not in options or whole["history"][-1]["epoch"] < options["epochs"]  # it stopped early
    train_until(f"checkpoint-{whole['steps']}/trainer_state.json", recipe, tmp_path / "stopped")
    assert not (tmp_path / "stopped/checkpoint/metrics.json").exists()
    continued = run("stopped")
    assert same(tmp_path / "whole/checkpoint", tmp_path / "stopped/checkpoint")
    assert (continued["steps"], continued["best_step"]) == (whole["steps"], whole["best_step"])
    assert run("stopped") == json.loads(json.dumps(continued))  # a finished run is not repeated


def test_distilbert(recipe: Recipe, tmp_path: Path) -> None:
    """A DistilBERT is trained as a BERT is, layer by layer and without dropout in its attention."""
    base = write_checkpoint(tmp_path / "base", "distilbert")
    train(replace(recipe, base=str(base)), tmp_path / "out", max_tokens=64, epochs=1, freeze_layers=1)
    before, after = weights(base), weights(tmp_path / "out")
    changed = {name for name, values in before.items() if not np.array_equal(values, after[name])}
    assert any(name.startswith("distilbert.transformer.layer.1.") for name in changed)
    assert not any(name.startswith(("distilbert.embeddings.", "distilbert.transformer.layer.0.")) for name in changed)
    assert json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))["attention_dropout"] == 0


@pytest.mark.parametrize("problem_type", ["regression", "multi_label_classification"])
def test_a_base_for_another_problem(recipe: Recipe, base: Path, tmp_path: Path, problem_type: str) -> None:
    """Whatever the base was for, the checkpoint is for one label per text."""
    other = shutil.copytree(base, tmp_path / "base")
    edit_json(other / "config.json", lambda config: config.update(problem_type=problem_type))
    train(replace(recipe, base=str(other)), tmp_path / "out", epochs=0.3)
    config = json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))
    assert config["problem_type"] == "single_label_classification"


def test_corpora_that_come_to_nothing(recipe: Recipe, tmp_path: Path) -> None:
    """A weight that shows no row, or held-out rows without tokens, are bad data."""
    (tmp_path / "blank.tsv").write_text("review\tlabel\n \t1\n", "utf-8")
    for change, message in (
        ({"weight": 0.001}, "x: at weight 0.001 an epoch shows none of [0-9]+ rows: raise it"),
        ({"dev": str(tmp_path / "blank.tsv")}, "x: no text with any tokens to train on, or none to hold back"),
    ):
        spec = replace(recipe.corpora[0], **change)
        with pytest.raises(BadDataError, match=message):
            train(replace(recipe, corpora=(spec,)), tmp_path / "out")


def test_bases_that_do_not_fit(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    """A tokenizer without a padding token, with more tokens than there are embeddings, or of a slow kind is refused."""
    names = ("unpadded", "larger", "slow", "pieces")
    unpadded, larger, slow, pieces = (shutil.copytree(base, tmp_path / name) for name in names)
    (unpadded / "special_tokens_map.json").unlink()
    (unpadded / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}', "utf-8")
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens("splendid")
    tokenizer.save_pretrained(larger)
    for folder in (slow, pieces):
        (folder / "tokenizer.json").unlink()
    (slow / "tokenizer_config.json").write_text('{"tokenizer_class": "BertweetTokenizer"}', "utf-8")
    (slow / "vocab.txt").write_text("film 1\nplot 1\n", "utf-8")
    (slow / "bpe.codes").write_text("f i 2\n", "utf-8")
    (pieces / "vocab.txt").rename(pieces / "sentencepiece.bpe.model")
    for folder, message in (
        (unpadded, "unpadded' has no padding token: name one as pad_token in its tokenizer_config.json"),
        (larger, "larger' has 18 embeddings, but its tokenizer gives 'splendid' the id 18: save it with the tokenizer"),
        (slow, "slow' has a BertweetTokenizer, of which there is no fast form to score with"),
        (
            pieces,
            "pieces' has its tokenizer as a sentencepiece model, and no tokenizer.json: pip install sentencepiece",
        ),
    ):
        with pytest.raises(ConfigurationError, match=message):
            train(replace(recipe, base=str(folder)), tmp_path / "out")


def test_weight_and_length_of_a_corpus(recipe: Recipe, tmp_path: Path) -> None:
    """A corpus at half its weight takes half the steps; one with texts cut shorter gives another model."""
    spec = recipe.corpora[0]
    runs = {
        "whole": recipe,
        "half": replace(recipe, corpora=(replace(spec, weight=0.5),)),
        "short": replace(recipe, corpora=(replace(spec, max_tokens=5),)),
    }
    steps = {name: train(each, tmp_path / name)["steps"] for name, each in runs.items()}
    assert steps["half"] == -(-steps["whole"] // 2)
    assert steps["short"] == steps["whole"]
    assert not same(tmp_path / "short", tmp_path / "whole")


def test_overfitting_is_told(recipe: Recipe, tmp_path: Path) -> None:
    """The metrics name the best epoch and how far train is ahead of dev there, in agreement with the history."""
    metrics = train(recipe, tmp_path, epochs=2)
    at_best = [entry for entry in metrics["history"] if entry["step"] == metrics["best_step"]]
    accuracy = {part: next(e[k] for e in at_best if (k := f"eval_{part}_accuracy") in e) for part in ("train", "dev")}
    assert metrics["gap"]["accuracy"] == accuracy["train"] - accuracy["dev"]
    assert metrics["best_accuracy"] == accuracy["dev"]
    assert metrics["best_accuracy"] == max(entry.get("eval_dev_accuracy", 0) for entry in metrics["history"])
    assert 0 < metrics["best_epoch"] <= 2


def test_seeds(recipe: Recipe, tmp_path: Path) -> None:
    """Each seed is a separate run; the best one on dev is kept as the result, and the spread is recorded."""
    metrics = train(recipe, tmp_path, seeds=2, seed=5, epochs=0.5)
    assert not same(tmp_path / "seed-5", tmp_path / "seed-6")
    accuracies = metrics["seeds"]["accuracy"]
    assert metrics["seeds"]["mean"] == pytest.approx(sum(accuracies.values()) / 2)
    assert metrics["seeds"]["stdev"] == pytest.approx(abs(accuracies[5] - accuracies[6]) / 2**0.5)
    assert accuracies[metrics["seeds"]["best"]] == max(accuracies.values())
    assert same(tmp_path, tmp_path / f"seed-{metrics['seeds']['best']}")


def test_a_teacher_is_followed(recipe: Recipe, plain: Path, tmp_path: Path) -> None:
    """A student that only hears its teacher agrees with it, although the labels say otherwise."""
    file = Path(recipe.corpora[0].train)
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text(file.read_text("utf-8").replace("\t0\n", "\t4\n"), "utf-8")
    taught = replace(recipe, corpora=(CorpusSpec("x", str(wrong)),))
    train(taught, tmp_path / "student", teachers=(str(plain),), teacher_share=1.0, epochs=4)
    tokens = [[2, *range(5, 5 + count), 3] for count in range(1, 8)]
    teacher, student = (
        soft_labels([folder], tokens, FIVE_CLASSES, 1.0, bfloat16=False) for folder in (plain, tmp_path / "student")
    )
    assert (teacher.argmax(axis=1) == student.argmax(axis=1)).mean() >= 0.7


def test_teachers_are_averaged(plain: Path, recipe: Recipe, tmp_path: Path) -> None:
    """The probabilities of two teachers are averaged, and a higher temperature moves probabilities closer together."""
    train(recipe, tmp_path, seed=9)
    tokens = [[2, 5, 10, 3], [2, 6, 3], [2, 9, 9, 9, 3]]

    def of(*teachers: Path, temperature: float = 1.0) -> npt.NDArray[np.float32]:
        return soft_labels(teachers, tokens, FIVE_CLASSES, temperature, bfloat16=False)

    np.testing.assert_allclose(of(plain, tmp_path), (of(plain) + of(tmp_path)) / 2, rtol=1e-5)
    np.testing.assert_allclose(of(plain).sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(of(plain, temperature=5.0)) < np.ptp(of(plain))


def test_teachers_that_do_not_fit(recipe: Recipe, plain: Path, tmp_path: Path) -> None:
    """A teacher that does not exist, or has other labels or another vocabulary, is refused before training.

    So is one that reads fewer tokens.
    """
    other_tokens = write_checkpoint(tmp_path / "tokens")
    other_labels = shutil.copytree(plain, tmp_path / "labels")
    fewer_positions = shutil.copytree(plain, tmp_path / "positions")
    edit_json(fewer_positions / "config.json", lambda config: config.update(max_position_embeddings=64))
    config = (plain / "config.json").read_text("utf-8")
    (other_labels / "config.json").write_text(config.replace("neutral", "so-so"), "utf-8")
    for teacher, error, message in (
        (tmp_path / "nowhere", NoInputError, "no teacher checkpoint at .*nowhere: train it first"),
        (other_tokens, ConfigurationError, "reads other tokens than the base checkpoint"),
        (other_labels, ConfigurationError, "has other labels: very negative, negative, so-so"),
        (fewer_positions, ConfigurationError, "positions reads at most 64 tokens, not 256: lower --max-tokens"),
    ):
        with pytest.raises(error, match=message):
            train(recipe, tmp_path / "student", teachers=(str(teacher),))
