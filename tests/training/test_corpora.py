"""Labelled texts from files, and their split."""

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_batch.errors import BadDataError, NoInputError, SentimentBatchError
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.training.corpora import LabelledTexts, load_corpus, load_labelled
from sentiment_batch.training.recipe import CorpusSpec

TREES = "(3 (2 a) (4 (4 good) (2 film)))\n(1 (0 bad) (2 film))\n"
OTHER_TREES = "(1 (0 bad) (2 plot))\n"


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")
        writer.writerows([header, *rows])
    return path


def pairs(examples: LabelledTexts) -> list[tuple[str, int]]:
    return list(zip(examples.texts, examples.labels.tolist(), strict=True))


def test_kaggle_columns(tmp_path: Path) -> None:
    """The competition's file needs no option: phrases, labels and sentences are found by their columns."""
    rows = [(1, 1, "A good film", 3), (2, 1, "good", 4), (3, 2, "bad", 0)]
    write_rows(tmp_path / "train.tsv", ["PhraseId", "SentenceId", "Phrase", "Sentiment"], rows)
    examples = load_labelled(CorpusSpec("kaggle", "train.tsv"), tmp_path, FIVE_CLASSES)
    assert pairs(examples) == [("A good film", 3), ("good", 4), ("bad", 0)]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.floats(0, 1))
def test_a_sentence_stays_on_one_side(sentences: list[int], held_out: float) -> None:
    """No SentenceId is on both sides of the split, and no phrase is lost or doubled."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [(i, sentence, f"phrase {i}", i % 5) for i, sentence in enumerate(sentences)]
        write_rows(Path(folder, "train.tsv"), ["PhraseId", "SentenceId", "Phrase", "Sentiment"], rows)
        corpus = load_corpus(CorpusSpec("k", "train.tsv", held_out=held_out), Path(folder), FIVE_CLASSES)
    sides = [[int(text.removeprefix("phrase ")) for text in part.texts] for part in (corpus.train, corpus.dev)]
    assert not {sentences[i] for i in sides[0]} & {sentences[i] for i in sides[1]}
    assert sorted(sides[0] + sides[1]) == list(range(len(sentences)))


def test_trees_from_a_pipe(tmp_path: Path) -> None:
    """What can be read only once is read once."""
    os.mkfifo(tmp_path / "t.txt")
    writer = Thread(target=(tmp_path / "t.txt").write_text, args=(TREES,))
    writer.start()
    corpus = load_corpus(CorpusSpec("t", "t.txt", held_out=0.5), tmp_path, FIVE_CLASSES)
    writer.join()
    assert len(corpus.train) + len(corpus.dev) == 7


def test_split_survives_added_rows(tmp_path: Path) -> None:
    """A row stays on its side when others are added, and about as many are held back as asked for."""
    spec = CorpusSpec("a", "a.csv", held_out=0.25)
    rows = [(f"text {i}", i % 5) for i in range(400)]
    write_rows(tmp_path / "a.csv", ["text", "label"], rows)
    whole = load_corpus(spec, tmp_path, FIVE_CLASSES)
    write_rows(tmp_path / "a.csv", ["text", "label"], rows[:200])
    half = load_corpus(spec, tmp_path, FIVE_CLASSES)
    assert 70 <= len(whole.dev) <= 130
    assert set(half.dev.texts) == set(whole.dev.texts) & {text for text, _ in rows[:200]}


def test_equal_texts_stay_on_one_side(tmp_path: Path) -> None:
    """Without a group column each text is its own group, never both trained on and measured on."""
    write_rows(tmp_path / "a.csv", ["text", "label"], [(f"text {i % 40}", i % 5) for i in range(200)])
    corpus = load_corpus(CorpusSpec("a", "a.csv", held_out=0.5), tmp_path, FIVE_CLASSES)
    assert not set(corpus.train.texts) & set(corpus.dev.texts)
    assert len(corpus.train) + len(corpus.dev) == 200


def test_group_column(tmp_path: Path) -> None:
    """Rows with the same value in the named column stay together; those without one need not."""
    rows = [(f"text {i}", i % 5, f"shop {i % 9}") for i in range(90)]
    shops = {text: shop for text, _, shop in rows}
    spec = CorpusSpec("a", "a.csv", group_column="shop", held_out=0.5)
    for missing in ("", float("nan")):
        alone = [(f"text {i}", i % 5, missing) for i in range(90, 190)]
        write_rows(tmp_path / "a.csv", ["text", "label", "shop"], [*rows, *alone])
        corpus = load_corpus(spec, tmp_path, FIVE_CLASSES)
        sides = [{shops.get(text) for text in part.texts} for part in (corpus.train, corpus.dev)]
        assert sides[0] & sides[1] == {None}


def test_dev_file(tmp_path: Path) -> None:
    """With a dev file, nothing is held back from the training file."""
    write_rows(tmp_path / "a.csv", ["text", "label"], [("x", 0), ("y", 1)])
    write_rows(tmp_path / "b.csv", ["text", "label"], [("z", 2)])
    corpus = load_corpus(CorpusSpec("a", "a.csv", dev="b.csv"), tmp_path, FIVE_CLASSES)
    assert (pairs(corpus.train), pairs(corpus.dev)) == ([("x", 0), ("y", 1)], [("z", 2)])


def test_label_map(tmp_path: Path) -> None:
    """Values of the label column become the labels that label_map gives for them."""
    write_rows(tmp_path / "a.csv", ["text", "rating"], [("x", "10"), ("w", "pos")])
    spec = CorpusSpec("a", "a.csv", label_map={"10": "very positive", "pos": "positive"})
    assert load_labelled(spec, tmp_path, FIVE_CLASSES).labels.tolist() == [4, 3]


@pytest.mark.parametrize(
    ("value", "kind"), [("3", "a number"), ("neutral", "a text"), ("", "nothing"), ("so good", "a text")]
)
def test_what_a_label_map_leaves_out(tmp_path: Path, value: str, kind: str) -> None:
    """Values missing from a label_map are refused, even ordinals, and a text is not shown."""
    write_rows(tmp_path / "a.csv", ["text", "stars"], [("x", "1"), ("y", value)])
    spec = CorpusSpec("a", "a.csv", label_map={"1": "very negative", "5": "very positive"})
    with pytest.raises(BadDataError, match=f"a.csv: record 2: stars holds {kind}, which its label_map") as caught:
        load_labelled(spec, tmp_path, FIVE_CLASSES)
    assert str(caught.value).endswith(": it has 1, 5")


def test_label_map_goes_before_ordinals(tmp_path: Path) -> None:
    """With a label_map, stars from 1 to 5 are not taken for ordinals from 0."""
    write_rows(tmp_path / "a.csv", ["text", "stars"], [("x", "1"), ("y", "5")])
    spec = CorpusSpec("a", "a.csv", label_map=dict(zip("12345", FIVE_CLASSES, strict=True)))
    assert load_labelled(spec, tmp_path, FIVE_CLASSES).labels.tolist() == [0, 4]


def test_rows_without_text_are_left_out(tmp_path: Path) -> None:
    """Rows without text are left out."""
    write_rows(tmp_path / "a.csv", ["text", "label"], [("x", 0), ("", 4), ("y", 1)])
    assert pairs(load_labelled(CorpusSpec("a", "a.csv"), tmp_path, FIVE_CLASSES)) == [("x", 0), ("y", 1)]


def test_unknown_label(tmp_path: Path) -> None:
    """A value that is not a label is reported with file, record and column, but not shown, as it may be a text."""
    write_rows(tmp_path / "a.csv", ["text", "stars"], [("x", "4"), ("x", "so good")])
    message = f"{tmp_path}/a.csv: record 2: stars holds a text, which is none of the labels very negative, negative, "
    with pytest.raises(BadDataError, match=message) as caught:
        load_labelled(CorpusSpec("a", "a.csv"), tmp_path, FIVE_CLASSES)
    assert "so good" not in str(caught.value)
    assert "nor a number from 0 to 4 in their place: other values need the label_map of a recipe" in str(caught.value)


@pytest.mark.parametrize("value", ["0", "6"])
def test_names_that_are_numbers(tmp_path: Path, value: str) -> None:
    """Where the labels' names are numbers, such as stars, a number is a name and never a place."""
    write_rows(tmp_path / "a.csv", ["text", "stars"], [("x", 1), ("y", 5)])
    assert load_labelled(CorpusSpec("a", "a.csv"), tmp_path, tuple("12345")).labels.tolist() == [0, 4]
    write_rows(tmp_path / "b.csv", ["text", "stars"], [("x", value)])
    with pytest.raises(BadDataError, match="a number, which is none of the labels 1, 2, 3, 4, 5: other values need"):
        load_labelled(CorpusSpec("b", "b.csv"), tmp_path, tuple("12345"))


@pytest.mark.parametrize(
    "spec",
    [
        CorpusSpec("a", "a.csv", text_column="nonsense"),
        CorpusSpec("a", "a.csv", label_column="nonsense"),
        CorpusSpec("a", "a.csv", group_column="nonsense"),
        CorpusSpec("a", "a.csv", label_map={"0": "nonsense"}),
    ],
    ids=["text column", "label column", "group column", "label map"],
)
def test_names_that_are_not_there(tmp_path: Path, spec: CorpusSpec) -> None:
    """A column or label that does not exist is named, with the corpus file."""
    write_rows(tmp_path / "a.csv", ["text", "label"], [("x", 0)])
    with pytest.raises(SentimentBatchError, match="'nonsense'") as caught:
        load_corpus(spec, tmp_path, FIVE_CLASSES)
    assert "a.csv" in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.txt", "nowhere.csv"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    """A data file that does not exist is reported as missing input and named."""
    with pytest.raises(NoInputError, match=f"{name}: no such file"):
        load_corpus(CorpusSpec("a", name), tmp_path, FIVE_CLASSES)


def test_trees(tmp_path: Path) -> None:
    """Of trees, distinct phrases are trained on; sentences, all phrases and unseen phrases are measured."""
    (tmp_path / "train.txt").write_text(TREES, "utf-8")
    (tmp_path / "dev.txt").write_text(OTHER_TREES, "utf-8")
    corpus = load_corpus(CorpusSpec("sst", "train.txt", dev="dev.txt"), tmp_path, FIVE_CLASSES)
    assert dict(pairs(corpus.train)) == {
        "a": 2,
        "good": 4,
        "film": 2,
        "good film": 4,
        "a good film": 3,
        "bad": 0,
        "bad film": 1,
    }
    held_back = corpus.held_back()
    assert {name: pairs(texts) for name, texts in held_back.items()} == {
        "sst": [("bad plot", 1)],
        "sst, phrases": [("bad", 0), ("plot", 2), ("bad plot", 1)],
        "sst, unseen phrases": [("plot", 2), ("bad plot", 1)],
    }
    counterparts = corpus.counterparts()
    assert list(counterparts) == list(held_back)
    assert pairs(counterparts["sst"]) == [("a good film", 3), ("bad film", 1)]  # sentences beside sentences
    assert counterparts["sst, phrases"] is counterparts["sst, unseen phrases"] is corpus.train
    descending = load_labelled(CorpusSpec("t", "train.txt"), tmp_path, FIVE_CLASSES[::-1])
    assert pairs(descending) == [("a good film", 1), ("bad film", 3)]


def test_trees_without_a_dev_file_split_by_sentence(tmp_path: Path) -> None:
    """Phrases stay with the sentence in which they first occur."""
    (tmp_path / "a.txt").write_text("".join(f"(3 (2 a{i}) (4 b{i}))\n" for i in range(60)), "utf-8")
    corpus = load_corpus(CorpusSpec("sst", "a.txt", held_out=0.5), tmp_path, FIVE_CLASSES)
    numbers = [{text.split()[-1][1:] for text in part.texts} for part in (corpus.train, corpus.dev)]
    assert not numbers[0] & numbers[1]
    assert len(corpus.train) + len(corpus.dev) == 180


@pytest.mark.parametrize("tree", ["(3 (2 good)\n", "\n", "(3 sch\xf6n)\n", "(7 good)\n"])
def test_fault_in_a_file_of_trees(tmp_path: Path, tree: str) -> None:
    """A line that is not a tree, not UTF-8 or has an unknown label is reported with file and line."""
    (tmp_path / "a.txt").write_bytes(("(3 good)\n" + tree).encode("latin-1"))
    with pytest.raises(BadDataError) as caught:
        load_corpus(CorpusSpec("sst", "a.txt"), tmp_path, FIVE_CLASSES)
    assert f"{tmp_path / 'a.txt'}: line 2: " in str(caught.value)


def test_sample() -> None:
    """A sample is drawn without replacement, keeps the order, and is the same for the same seed."""
    examples = LabelledTexts([str(i) for i in range(50)], np.arange(50), [""] * 50)
    drawn = examples.sample(10, seed=1).labels.tolist()
    assert len(set(drawn)) == 10
    assert drawn == sorted(drawn) == examples.sample(10, seed=1).labels.tolist()
    assert examples.sample(50, seed=1) is examples
