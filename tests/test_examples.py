"""Checks on the example data set in ``examples/reviews.csv``."""

import csv
import unicodedata
from pathlib import Path

import pytest

REVIEWS = Path(__file__).resolve().parent.parent / "examples" / "reviews.csv"
HEADER = ["id", "product", "stars", "text", "reviewed_on"]


@pytest.fixture(scope="module")
def table() -> list[list[str]]:
    """Read every row of the file, the header included, as plain strings."""
    with REVIEWS.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle, strict=True))


@pytest.fixture(scope="module")
def texts(table: list[list[str]]) -> list[str]:
    """Return the review texts in file order."""
    column = HEADER.index("text")
    return [row[column] for row in table[1:]]


def test_header(table: list[list[str]]) -> None:
    """The first row names the five columns."""
    assert table[0] == HEADER


def test_two_hundred_records_of_five_fields(table: list[list[str]]) -> None:
    """There are exactly 200 records and each one has five fields."""
    records = table[1:]
    assert len(records) == 200
    assert [row for row in records if len(row) != len(HEADER)] == []


def test_ids_are_unique(table: list[list[str]]) -> None:
    """No id is empty and none occurs twice."""
    ids = [row[0] for row in table[1:]]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_has_an_empty_text(texts: list[str]) -> None:
    """At least one review has an empty text field."""
    assert "" in texts


def test_has_a_newline_inside_a_text(texts: list[str]) -> None:
    """At least one review spans several lines inside its quotes."""
    assert any("\n" in text.strip() for text in texts)


def test_has_a_text_over_600_words(texts: list[str]) -> None:
    """At least one review is longer than 600 words."""
    assert any(len(text.split()) > 600 for text in texts)


def test_has_a_non_latin_script(texts: list[str]) -> None:
    """At least one review is written in letters of a script other than Latin."""
    letters = {char for text in texts for char in text if char.isalpha() and not char.isascii()}
    assert any(not unicodedata.name(char, "LATIN").startswith("LATIN") for char in letters)
