"""The parser of sentiment trees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_batch.errors import BadDataError
from sentiment_batch.training.trees import phrases

Tree = tuple[str, str, int]
"""The tree as it is written, its words, its label."""

LABELS = st.integers(0, 4)
WORDS = st.text(st.characters(categories=["L", "N", "P"], exclude_characters="()"), min_size=1, max_size=5)


def join(label: int, children: list[Tree]) -> Tree:
    return f"({label} {' '.join(tree for tree, _, _ in children)})", " ".join(words for _, words, _ in children), label


LEAVES = st.builds(lambda label, word: (f"({label} {word})", word, label), LABELS, WORDS)
TREES = st.recursive(LEAVES, lambda inner: st.builds(join, LABELS, st.lists(inner, min_size=2, max_size=2)))


def test_worked_example() -> None:
    """Children come before parents, the sentence last, each with its own label."""
    assert list(phrases("(3 (2 It) (4 (2 's) (3 (2 a) (4 good))))\n")) == [
        ("It", 2),
        ("'s", 2),
        ("a", 2),
        ("good", 4),
        ("a good", 3),
        ("'s a good", 4),
        ("It 's a good", 3),
    ]


@given(TREES)
def test_last_phrase_is_the_sentence(tree: Tree) -> None:
    """The last phrase has the words of the whole tree, and there are as many phrases as labels."""
    text, words, label = tree
    found = list(phrases(text))
    assert found[-1] == (words, label)
    assert len(found) == text.count("(")
    assert all(phrase in words for phrase, _ in found)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "good",
        "(3 good",
        "3 good)",
        "(3 (2 good) movie",
        "(3 good))",
        "(3 good) (2 bad)",
        "(3 good) bad",
        "(3 good) (",
        "(x good)",
        "(3 good ( movie)",
        "(3)",
        "(3 (2) (2 good))",
        "(-1 good)",
        f"({'9' * 5000} good)",
    ],
)
def test_malformed(line: str) -> None:
    """A line that is not one complete tree is refused, and not shown."""
    with pytest.raises(BadDataError, match=r"\Anot a sentiment tree\Z"):
        list(phrases(line))
