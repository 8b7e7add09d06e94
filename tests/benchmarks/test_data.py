"""The texts that are measured on."""

import gzip
import json
from pathlib import Path

from benchmarks.data import Workload, compose, long_workload, snippets

PARTS = [f"part{i}" for i in range(200)]


def test_composed_texts_join_ten_to_fourteen_parts() -> None:
    """Composed texts are runs of 10 to 14 parts, and hardly any part is left over."""
    counts = [len(text.split()) for text in compose(PARTS, seed=1)]
    assert all(10 <= count <= 14 for count in counts)
    assert sum(counts) > len(PARTS) - 14


def test_composed_texts_use_each_part_once() -> None:
    """No part stands in two composed texts, or twice in one."""
    used = " ".join(compose(PARTS, seed=1)).split()
    assert len(used) == len(set(used))
    assert set(used) <= set(PARTS)


def test_composing_follows_the_seed() -> None:
    """The same seed composes the same texts, another seed others."""
    assert compose(PARTS, seed=1) == compose(PARTS, seed=1)
    assert compose(PARTS, seed=1) != compose(PARTS, seed=2)


def test_too_few_parts_compose_nothing() -> None:
    """What is too short for one text gives none."""
    assert compose(PARTS[:9], seed=1) == []


def test_sample_keeps_the_order() -> None:
    """A sample is a seeded choice of rows in the order of the file."""
    workload = Workload("short", "numbers", PARTS)
    sample = workload.sample(20, seed=1)
    assert len(sample.texts) == 20
    assert sample.texts == [part for part in PARTS if part in set(sample.texts)]
    assert sample == workload.sample(20, seed=1)
    assert workload.sample(1000, seed=1) == workload


def test_snippets_are_the_third_field(tmp_path: Path) -> None:
    """Snippets are read as Latin-1, one a line, line ends and blank lines aside; tabs in a text stay."""
    folder = tmp_path / "hutto_ICWSM_2014"
    folder.mkdir()
    for name in ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets", "tweets"):
        content = f"1\t0.5\t{name}, caf\xe9\r\n\r\n2\t-1\tone\ttwo"
        (folder / f"{name}_GroundTruth.txt").write_bytes(content.encode("latin-1"))
    kinds = snippets(tmp_path)
    assert kinds["movie"] == ["movieReviewSnippets, café", "one\ttwo"]
    assert set(kinds) == {"movie", "amazon", "tweets", "nyt"}


def test_long_texts_come_from_a_file_then_reviews_then_snippets(tmp_path: Path, data_folder: Path) -> None:
    """A file that is named goes first, then the reviews; else long texts are composed, and the origin says so."""
    reviews = tmp_path / "imdb" / "train.jsonl.gz"
    reviews.parent.mkdir()
    reviews.write_bytes(gzip.compress("".join(json.dumps({"text": text}) + "\n" for text in ("a", " ", "b")).encode()))
    file = tmp_path / "mine.csv"
    file.write_text("text\nc\n", "utf-8")
    assert long_workload(data_folder, tmp_path, file, seed=0).texts == ["c"]
    assert long_workload(data_folder, tmp_path, None, seed=0).texts == ["a", "b"]
    composed = long_workload(data_folder, None, None, seed=0)
    assert composed.origin.startswith("composed: 10 to 14 movie-review snippets")
    assert all(text.count("of movie was") >= 10 for text in composed.texts)
