"""The real data sets, where available."""

from pathlib import Path

from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, read_table
from sentiment_batch.training.corpora import load_corpus, load_labelled
from sentiment_batch.training.recipe import CorpusSpec, Recipe

RECIPE = Path(__file__).parents[2] / "recipes" / "default.toml"


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
    # Phrases stand in several sentences, and their ids in one.
    ids = load_corpus(CorpusSpec("kaggle", path.name, text_column="PhraseId"), path.parent, FIVE_CLASSES)
    sentences = dict(zip(*(table[name].to_pylist() for name in ("PhraseId", "SentenceId")), strict=True))
    train, dev = ({sentences[phrase] for phrase in part.texts} for part in (ids.train, ids.dev))
    assert train | dev == set(sentences.values())
    assert not train & dev


def test_the_corpora_of_the_default_model(shared_data: Path) -> None:
    """Every corpus of the recipe is read to its last row, and of those that we split no text is on both sides."""
    recipe = Recipe.load(RECIPE)
    rows, labels = {}, {}
    for spec in recipe.corpora:
        corpus = load_corpus(spec, shared_data, recipe.labels)
        rows[spec.name] = len(corpus.train) + len(corpus.dev)
        labels[spec.name] = {*corpus.train.labels.tolist(), *corpus.dev.labels.tolist()}
        assert spec.dev or not set(corpus.train.texts) & set(corpus.dev.texts)
    assert rows == {"sst": 159_274 + 1101, "imdb": 25_000, "yelp": 10_000}
    assert labels == {"sst": {0, 1, 2, 3, 4}, "imdb": {0, 1, 3, 4}, "yelp": {0, 1, 2, 3, 4}}
