"""The texts that are measured."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

from benchmarks.workloads import Texts, Workload, compose, cut_phrases

PARTS = [f"part{i}" for i in range(200)]


def test_composed_texts_join_ten_to_fourteen_parts() -> None:
    """Composed texts are runs of 10 to 14 parts, and hardly any part is left over."""
    counts = [len(text.split()) for text in compose(PARTS, seed=1)]
    assert all(10 <= count <= 14 for count in counts)
    assert sum(counts) > len(PARTS) - 14


def test_composed_texts_use_each_part_once() -> None:
    """No part appears in two composed texts, or twice in one."""
    used = " ".join(compose(PARTS, seed=1)).split()
    assert len(used) == len(set(used))
    assert set(used) <= set(PARTS)


def test_composing_follows_the_seed() -> None:
    """The same seed composes the same texts; another seed composes others."""
    assert compose(PARTS, seed=1) == compose(PARTS, seed=1)
    assert compose(PARTS, seed=1) != compose(PARTS, seed=2)


def test_too_few_parts_compose_nothing() -> None:
    """Too few parts for one text compose none."""
    assert compose(PARTS[:9], seed=1) == []


def test_sample_keeps_the_order() -> None:
    """A sample is a seeded choice of rows in the order of the file."""
    workload = Workload("short", "numbers", PARTS)
    sample = workload.sample(20, seed=1)
    assert len(sample.texts) == 20
    assert sample.texts == [part for part in PARTS if part in set(sample.texts)]
    assert sample == workload.sample(20, seed=1)
    assert workload.sample(1000, seed=1) == workload


def test_phrases_are_runs_of_words() -> None:
    """A phrase of 1 to 12 words is cut out of each text; the seed decides which."""
    texts = [f"the {i}th of many films that nobody {i} has seen in any cinema of this town" for i in range(100)]
    phrases = cut_phrases(texts, seed=1)
    assert all(f" {phrase} " in f" {text} " for phrase, text in zip(phrases, texts, strict=True))
    assert {len(phrase.split()) for phrase in phrases} == set(range(1, 13))
    assert phrases == cut_phrases(texts, seed=1) != cut_phrases(texts, seed=2)


def test_texts_come_from_files_then_reviews_then_snippets(tmp_path: Path, data_folder: Path) -> None:
    """A named file comes first, then the reviews; otherwise texts are composed of snippets, and the origin says so."""
    (tmp_path / "imdb").mkdir()
    reviews = "".join(json.dumps({"text": text}) + "\n" for text in ("a", " ", "b"))
    (tmp_path / "imdb" / "train.jsonl.gz").write_bytes(gzip.compress(reviews.encode()))
    (tmp_path / "kaggle").mkdir()
    (tmp_path / "kaggle" / "train_first40681.tsv").write_text("PhraseId\tPhrase\n1\ta phrase\n", "utf-8")
    file = tmp_path / "mine.csv"
    file.write_text("text\nc\n", "utf-8")
    named, below = Texts(data_folder, tmp_path, file, file, 0), Texts(data_folder, tmp_path, None, None, 0)
    assert named.workload("short", 9).texts == named.workload("long", 9).texts == ["c"]
    assert below.workload("long", 9).texts == ["a", "b"]
    assert below.workload("phrases", 9).texts == ["a phrase"]
    made = Texts(data_folder, None, None, None, 0)
    assert made.workload("long", 9).origin.startswith("composed: 10 to 14 movie-review snippets")
    assert all(text.count("of movie was") >= 10 for text in made.workload("long", 9).texts)
    assert made.workload("phrases", 9).origin.startswith("1 to 12 words cut out")


def test_mixed_texts_are_short_and_long_ones(tmp_path: Path, data_folder: Path) -> None:
    """There are as many short texts as long ones, mixed so that they often stand next to each other."""
    short, long = tmp_path / "short.csv", tmp_path / "long.csv"
    short.write_text("text\n" + "short\n" * 90, "utf-8")
    long.write_text("text\n" + "long\n" * 60, "utf-8")
    texts = Texts(data_folder, None, short, long, 0).workload("mixed", 1000).texts
    assert (texts.count("short"), texts.count("long")) == (60, 60)
    assert sum(a != b for a, b in pairwise(texts)) > 30


def test_long_workloads_have_a_quarter_of_the_rows(data_folder: Path) -> None:
    """The number of rows asked for is that of short texts; workloads with long texts have a quarter of it."""
    texts = Texts(data_folder, None, None, None, 0)
    assert {name: len(texts.workload(name, 8).texts) for name in ("short", "phrases", "long", "mixed")} == {
        "short": 8,
        "phrases": 8,
        "long": 2,
        "mixed": 2,
    }
