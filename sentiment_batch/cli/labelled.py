"""Options that name labelled data, and how they become texts with labels."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sentiment_batch.cli.messages import warn
from sentiment_batch.cli.options import text_column_option, together
from sentiment_batch.hashing import sha256_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sentiment_batch.training.corpora import LabelledTexts
    from sentiment_batch.training.recipe import Recipe

labelled_data_options = together(
    click.option(
        "--data",
        "files",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Labelled CSV, TSV, Parquet, JSON Lines or sentiment trees (.txt). Repeatable.",
    ),
    click.option("--recipe", "recipe_file", type=click.Path(path_type=Path), help="TOML file that names corpora."),
    click.option(
        "--data-folder",
        type=click.Path(path_type=Path),
        default=".",
        help="Folder that a recipe's paths are relative to.",
    ),
    text_column_option,
    click.option("--label-column", help="Column with the labels: names, or numbers from 0."),
    click.option(
        "--group-column",
        help="Column whose equal values keep rows together.  [default: group or SentenceId, if there, else the text]",
    ),
)


def build_recipe(
    files: tuple[Path, ...],
    recipe_file: Path | None,
    text_column: str | None,
    label_column: str | None,
    group_column: str | None,
    labels: tuple[str, ...] | None = None,
) -> "Recipe":
    """The recipe that the options name: a file, or one made of --data.

    `labels` are the model's. Raises UsageError unless it is one of the two, and for options that go with the other, and
    what `Recipe.load` and `Recipe.for_model` do.
    """
    from sentiment_batch.training.recipe import CorpusSpec, Recipe

    if bool(files) == bool(recipe_file):
        raise click.UsageError("name the data with --data, or a --recipe: one of the two")
    if recipe_file:
        for option, column in (("text", text_column), ("label", label_column), ("group", group_column)):
            if column is not None:
                raise click.UsageError(f"a recipe names its columns: put {option}_column there, not --{option}-column")
        recipe = Recipe.load(recipe_file)
        return recipe.for_model(labels, recipe_file) if labels else recipe
    if click.get_current_context().get_parameter_source("data_folder") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--data-folder requires --recipe: give --data the whole path")
    names = [file.name for file in files]
    specs = (
        CorpusSpec(
            file.name if names.count(file.name) == 1 else str(file),
            str(file.absolute()),
            None,
            text_column,
            label_column,
            group_column,
        )
        for file in files
    )
    return Recipe(tuple(specs), labels=labels or Recipe.labels)


def warn_of_training_data(files: tuple[Path, ...], trained_on: frozenset[str], model: str = "the model") -> None:
    """Warn of a file whose sha256 is among those of the files that a model was trained on."""
    for file in files if trained_on else ():
        if file.is_file() and sha256_of(file) in trained_on:  # a pipe has been read to its end
            warn(
                f"{file}: {model} was trained on this file, and does better on it than on other texts: measure on "
                "others, or name it in a --recipe, which measures on what was held back"
            )


def load_held_back(recipe: "Recipe", data_folder: Path, *, split: bool) -> "dict[str, LabelledTexts]":
    """What to measure on, by name: a recipe's held-back parts if `split`, else all of the data."""
    from sentiment_batch.training.corpora import load_corpus, load_labelled

    if not split:
        return {spec.name: load_labelled(spec, data_folder, recipe.labels) for spec in recipe.corpora}
    corpora = [load_corpus(spec, data_folder, recipe.labels) for spec in recipe.corpora]
    return {name: texts for corpus in corpora for name, texts in corpus.held_back().items()}


def load_samples(
    recipe: "Recipe", data_folder: Path, *, split: bool
) -> "dict[str, tuple[list[str], npt.NDArray[np.int64] | None]]":
    """The parts that `load_held_back` gives; data without a label column serves too: its labels are None."""
    from sentiment_batch.training.corpora import is_labelled, load_texts

    bare = [] if split else [spec for spec in recipe.corpora if not is_labelled(spec, data_folder)]
    labelled = replace(recipe, corpora=tuple(spec for spec in recipe.corpora if spec not in bare))
    found = load_held_back(labelled, data_folder, split=split)
    return {name: (part.texts, part.labels) for name, part in found.items()} | {
        spec.name: (load_texts(spec, data_folder), None) for spec in bare
    }
