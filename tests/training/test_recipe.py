"""Recipes in TOML."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from sentiment_batch.errors import ConfigurationError, NoInputError
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.text import LongText
from sentiment_batch.training.recipe import CorpusSpec, Recipe, TrainingOptions

CORPUS = '[[corpus]]\nname = "a"\ntrain = "a.csv"\n'


def load(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.toml"
    path.write_text(text, "utf-8")
    return Recipe.load(path)


def test_every_setting(tmp_path: Path) -> None:
    """The recipe holds what the file says."""
    recipe = load(
        tmp_path,
        'base = "owner/name"\nlabels = ["neg", "pos"]\n[training]\nepochs = 1.5\nlong_text = "head"\n'
        + 'class_weights = [1, 3]\nteachers = ["t"]\n'
        + CORPUS
        + 'weight = 2\nmax_tokens = 9\n[corpus.label_map]\n1 = "neg"\n5 = "pos"\n',
    )
    assert (recipe.base, recipe.labels) == ("owner/name", ("neg", "pos"))
    assert recipe.options == TrainingOptions(epochs=1.5, long_text=LongText.HEAD, class_weights=(1, 3), teachers=("t",))
    assert (recipe.corpora[0].weight, recipe.corpora[0].max_tokens) == (2, 9)
    assert recipe.corpora[0].label_map == {"1": "neg", "5": "pos"}


def test_defaults(tmp_path: Path) -> None:
    """A corpus is all that a recipe needs."""
    recipe = load(tmp_path, CORPUS)
    assert (recipe.labels, recipe.options) == (FIVE_CLASSES, TrainingOptions())


@pytest.mark.parametrize(("kind", "section"), [(TrainingOptions, "[training]"), (CorpusSpec, "[[corpus]]")])
def test_every_setting_is_documented(kind: type, section: str) -> None:
    """The page on recipes has exactly the existing settings, with their defaults."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "recipes.md").read_text("utf-8")
    table = page.partition(f"`{section}` | default |")[2].partition("\n\n")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE))
    assert told == {field.name: _in_toml(field) for field in dataclasses.fields(kind)}


def _in_toml(field: "dataclasses.Field[Any]") -> str:
    if field.default is dataclasses.MISSING:
        return "none: it must be there" if field.default_factory is dataclasses.MISSING else "empty"
    if field.default is None or field.default == ():
        return "none"
    return f"`{json.dumps(field.default)}`"


def test_the_recipe_of_the_default_model() -> None:
    """The recipe in the repository can be read and names three corpora."""
    recipe = Recipe.load(Path(__file__).resolve().parents[2] / "recipes" / "default.toml")
    assert [corpus.name for corpus in recipe.corpora] == ["sst", "imdb", "yelp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base = ", "is not a recipe: Invalid value"),
        ('base = "x"\n', r"names no \[\[corpus\]\]"),
        ("nonsense = 1\n" + CORPUS, "its top level has no 'nonsense': it takes base, labels, training, corpus$"),
        ("[training]\nlearning_speed = 1\n" + CORPUS, "is not a recipe: .*'learning_speed'"),
        ('[training]\nlong_text = "middle"\n' + CORPUS, "long_text is 'middle': it must be 'head' or 'head-tail' or"),
        ('[training]\nlong_text = "windows"\n' + CORPUS, "long_text is windows: it must be head or head-tail: a text"),
        ('[[corpus]]\nname = "a"\n', r"is not a recipe: \[\[corpus\]\] has no 'train', which it needs"),
        (CORPUS + "colour = 1\n", "is not a recipe: .*'colour'"),
        (CORPUS + '[corpus.label_map]\n1 = "splendid"\n', "is not a recipe: .*'splendid'"),
        (CORPUS + "weight = 0\n", "a: weight must be above 0: to skip a corpus, leave it out"),
        ("[training]\nlayer_decay = 1.5\n" + CORPUS, "layer_decay is 1.5: it must be above 0, at most 1"),
        ("[training]\nlabel_smoothing = 1\n" + CORPUS, "label_smoothing is 1: it must be from 0 to below 1"),
        ('[training]\nbfloat16 = "maybe"\n' + CORPUS, "bfloat16 is 'maybe': it must be 'auto' or 'on' or 'off'"),
        ('[training]\nclass_weights = "even"\n' + CORPUS, "class_weights is 'even': it must be 'balanced' or a list"),
        ("[training]\nclass_weights = [1, 2]\n" + CORPUS, "class_weights takes 5 weights above 0, one per label"),
        ('labels = ["a", "b"]\n[training]\nordinal = 1\n' + CORPUS, "ordinal needs three labels or more"),
        (
            'labels = ["neutral", "positive", "negative"]\n[training]\nordinal = 1\n' + CORPUS,
            "ordinal takes the labels as they stand: list them from most negative to positive",
        ),
        (
            '[training]\nteachers = ["t"]\nteacher_share = 1\nordinal = 1\n' + CORPUS,
            "teacher_share is 1: class_weights, label_smoothing and ordinal have no effect",
        ),
        (
            '[training]\nlearning_rate = "fast"\n' + CORPUS,
            r"\[training\]: learning_rate is 'fast': it must be a number",
        ),
        ("[training]\nlearning_rate = inf\n" + CORPUS, r"\[training\]: learning_rate is inf: it must be a number"),
        ("[training]\nbatch_size = 2.5\n" + CORPUS, r"\[training\]: batch_size is 2\.5: it must be a whole number"),
        ("[training]\nepochs = true\n" + CORPUS, "epochs is True: it must be a number"),
        ('[training]\nfreeze_embeddings = "yes"\n' + CORPUS, "freeze_embeddings is 'yes': it must be true or false"),
        ('[training]\nteachers = "t"\n' + CORPUS, "teachers is 't': it must be a list, each a text"),
        ("[training]\npatience = 0\n" + CORPUS, "patience is 0: it must be 1 or more"),
        ("[training]\ndev_rows = 0\n" + CORPUS, "dev_rows is 0: it must be 1 or more"),
        ("[training]\nevaluations_per_epoch = 0\n" + CORPUS, "evaluations_per_epoch is 0: it must be 1 or more"),
        ("[training]\nmax_tokens = 2\n" + CORPUS, "max_tokens is 2: it must be 3 or more"),
        ("[training]\nwarmup_ratio = 2\n" + CORPUS, "warmup_ratio is 2: it must be from 0 to below 1"),
        ("[training]\nweight_decay = -1\n" + CORPUS, "weight_decay is -1: it must be 0 or more"),
        ("training = 5\n" + CORPUS, r"\[training\] is no table"),
        ("corpus = 5\n", r"corpus is written \[\[corpus\]\], one for each"),
        ("base = 5\n" + CORPUS, "base is 5: it must be a text"),
        ('labels = "good"\n' + CORPUS, "labels is 'good': it must be a list, each a text"),
        ('labels = ["good", "good"]\n' + CORPUS, "labels has two labels called 'good': give each a name of its own"),
        (CORPUS + CORPUS, "two corpora are called 'a': give each a name of its own"),
        (CORPUS + "label_map = 5\n", "label_map is 5: it must be a table, each value a text"),
        (CORPUS + "text_column = 5\n", r"\[\[corpus\]\]: text_column is 5: it must be a text"),
        (CORPUS + "held_out = 1.5\n", r"a: held_out is 1\.5: it must be from 0 to 1"),
        (CORPUS + "max_tokens = 2\n", "a: max_tokens is 2: it must be 3 or more"),
        ("[training]\nteacher_share = 0.9\n" + CORPUS, "teacher_share is 0.9, but there are no teachers"),
    ],
)
def test_faults(tmp_path: Path, text: str, message: str) -> None:
    """A fault in a recipe is reported with the file and the offending key."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "recipe.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": math.inf}, "epochs is inf: it must be a number"),
        ({"r_drop": math.inf}, "r_drop is inf: it must be a number"),
        ({"seed": 2**32}, "the last seed is 4294967296: it must be 4294967295 or less"),
        ({"seed": 2**32 - 2, "seeds": 3}, "the last seed is 4294967296: it must be 4294967295 or less"),
    ],
)
def test_settings_beyond_bounds(options: dict[str, Any], message: str) -> None:
    """Settings that do not come from a file are held to the same bounds: finite numbers, seeds of 32 bits."""
    with pytest.raises(ConfigurationError, match=message):
        TrainingOptions(**options)


def test_no_such_file(tmp_path: Path) -> None:
    """A recipe that does not exist is missing input."""
    with pytest.raises(NoInputError, match="no recipe at"):
        Recipe.load(tmp_path / "nowhere.toml")
