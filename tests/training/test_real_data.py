"""The real data sets, where available."""

import itertools
from pathlib import Path

from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, read_table
from sentiment_batch.training.corpora import load_corpus, load_labelled
from sentiment_batch.training.recipe import CorpusSpec


def test_sentiment_treebank(shared_data: Path) -> None:
    """The treebank has its known numbers of sentences and distinct phrases, and unseen phrases are not trained on."""
    folder = shared_data / "sst"
    corpus = load_corpus(CorpusSpec("sst", "train.txt", dev="dev.txt"), folder, FIVE_CLASSES)
    assert len(load_labelled(CorpusSpec("sst", "train.txt"), folder, FIVE_CLASSES)) == 8544
    assert len(corpus.dev) == 1101
    assert len(corpus.train) == 159_274
    assert corpus.unseen_phrases is not None
    assert not set(corpus.train.texts) & set(corpus.unseen_phrases.texts)


def test_kaggle_train_file(shared_data: Path) -> None:
    """The competition's file is read to its last row, quotes included, and is split into train and dev."""
    path = shared_data / "kaggle" / "train_first40681.tsv"
    table = read_table(Location.parse(str(path)), SourceOptions())
    lines = path.read_text("utf-8").splitlines()
    assert table.num_rows == 40_681 == len(lines) - 1
    assert table.column_names == ["PhraseId", "SentenceId", "Phrase", "Sentiment"]
    corpus = load_corpus(CorpusSpec("kaggle", path.name), path.parent, FIVE_CLASSES)
    assert len(corpus.train) + len(corpus.dev) == sum(bool(text) for text in table["Phrase"].to_pylist())
    assert 0.05 < len(corpus.dev) / table.num_rows < 0.15


def test_the_corpora_of_the_default_model(shared_data: Path) -> None:
    """The IMDb corpus of the recipe is read with its labels, and its two parts do not overlap."""
    imdb = CorpusSpec("imdb", "imdb/train.jsonl.gz", label_column="label", label_map={"neg": "negative"})
    imdb.label_map["pos"] = "positive"
    corpus = load_corpus(imdb, shared_data, FIVE_CLASSES)
    assert len(corpus.train) + len(corpus.dev) == 25_000
    assert not set(corpus.train.texts) & set(corpus.dev.texts)
    assert set(itertools.chain(corpus.train.labels.tolist(), corpus.dev.labels.tolist())) == {1, 3}
