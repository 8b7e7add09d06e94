"""What makes a training a different one from the one that was begun."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sentiment_batch.training.corpora import load_corpus
from sentiment_batch.training.identity import changes, identity_of
from sentiment_batch.training.recipe import CorpusSpec, Recipe, TrainingOptions

ROWS = "text\tlabel\n" + "".join(f"text {i}\t{i % 5}\n" for i in range(50))


@pytest.fixture
def recipe(base: Path, tmp_path: Path) -> Recipe:
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "x.tsv").write_text(ROWS, "utf-8")
    return Recipe((CorpusSpec("x", str(tmp_path / "x.tsv")),), base=str(tmp_path / "base"))


def found(recipe: Recipe) -> dict[str, dict[str, object]]:
    return identity_of(recipe, [load_corpus(spec, Path(), recipe.labels) for spec in recipe.corpora])


def _as_before(recipe: Recipe, folder: Path) -> Recipe:
    (folder / "x.tsv").write_text(ROWS, "utf-8")  # at another time
    return recipe


def _other_option(recipe: Recipe, folder: Path) -> Recipe:
    return replace(recipe, options=TrainingOptions(epochs=4))


def _other_labels(recipe: Recipe, folder: Path) -> Recipe:
    return replace(recipe, labels=("a", "b", "c", "d", "e"))


def _other_weight(recipe: Recipe, folder: Path) -> Recipe:
    return replace(recipe, corpora=(replace(recipe.corpora[0], weight=2.0),))


def _another_corpus(recipe: Recipe, folder: Path) -> Recipe:
    return replace(recipe, corpora=(*recipe.corpora, replace(recipe.corpora[0], name="y")))


def _other_label_of_a_text(recipe: Recipe, folder: Path) -> Recipe:
    (folder / "x.tsv").write_text(ROWS.replace("text 7\t2", "text 7\t1"), "utf-8")
    return recipe


def _other_split(recipe: Recipe, folder: Path) -> Recipe:
    (folder / "x.tsv").write_text(ROWS.replace("text 7\t2\n", ""), "utf-8")
    return recipe


def _other_base(recipe: Recipe, folder: Path) -> Recipe:
    with (folder / "base/model.safetensors").open("ab") as file:
        file.write(b"\0")
    return recipe


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_as_before, []),
        (_other_option, ["epochs was 3.0, is 4"]),
        (
            _other_labels,
            ["labels was ['very negative', 'negative', 'neutral', 'positive', 'very positive'], is ['a', "],
        ),
        (_other_weight, ["weight of x was 1.0, is 2.0"]),
        (_another_corpus, ["corpora was ['x'], is ['x', 'y']"]),
        (_other_label_of_a_text, ["the data of x changed"]),
        (_other_split, ["the data of x changed"]),
        (_other_base, ["the checkpoint "]),
    ],
)
def test_what_changed(
    recipe: Recipe, tmp_path: Path, change: Callable[[Recipe, Path], Recipe], told: list[str]
) -> None:
    """Every change of data, base or recipe is reported, and nothing else counts as one."""
    before = found(recipe)
    now = changes(before, found(change(recipe, tmp_path)))
    assert [line.startswith(beginning) for line, beginning in zip(now, told, strict=True)] == [True] * len(told)


def test_a_teacher_that_changed(recipe: Recipe, base: Path, tmp_path: Path) -> None:
    """A teacher identifies a training just as the base does."""
    teacher = shutil.copytree(base, tmp_path / "teacher")
    taught = replace(recipe, options=TrainingOptions(teachers=(str(teacher),)))
    before = found(taught)
    (teacher / "model.safetensors").write_bytes(b"other")
    assert changes(before, found(taught)) == [f"the checkpoint {teacher} changed"]
