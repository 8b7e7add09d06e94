"""Training in a process of its own, which stops as by Ctrl-C at the moment when a certain file is opened."""

import multiprocessing
import sys
from pathlib import Path

from sentiment_batch.training.corpora import load_corpus
from sentiment_batch.training.finetune import finetune, prepare
from sentiment_batch.training.recipe import Recipe

_STOPPED = 130


def train_until(file: str, recipe: Recipe, folder: Path) -> None:
    """Train in `folder` until a file whose path ends like this is opened; fail if none is."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sentiment_batch.training.finetune"])
    process = context.Process(target=_train, args=(file, recipe, folder))
    process.start()
    process.join()
    assert process.exitcode == _STOPPED


def _train(file: str, recipe: Recipe, folder: Path) -> None:
    def stop(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(file):
            raise KeyboardInterrupt

    sys.addaudithook(stop)  # it cannot be removed: hence the process
    corpora = [load_corpus(spec, Path(), recipe.labels) for spec in recipe.corpora]
    try:
        finetune(prepare(recipe, corpora), recipe, corpora, folder, show_progress=False)
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
