"""The Stanford Sentiment Treebank format: one tree per line, `(3 (2 Good) (3 movie))`, with a label at every node."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from sentiment_batch.errors import BadDataError

_TOKEN = re.compile(r"\((\d{1,9})\s|([^\s()]+)|(\))|\(")


def is_trees(path: PurePath) -> bool:
    """Whether a file of that name holds trees."""
    return path.suffix == ".txt"


def phrases(tree: str) -> Iterator[tuple[str, int]]:
    """Yield every phrase of a tree with its label, children before parents, so that the sentence comes last.

    Raises BadDataError for a line that is not one complete tree.
    """
    open_nodes: list[tuple[int, list[str]]] = []
    closed = False
    for match in _TOKEN.finditer(tree):
        label, word, close = match.groups()
        if closed or (label is None and not open_nodes):
            break  # after the tree, or before it
        if label is not None:
            open_nodes.append((int(label), []))
        elif word is not None:
            open_nodes[-1][1].append(word)
        elif close is None or not open_nodes[-1][1]:
            break  # a parenthesis without a label, or a node without words
        else:
            node_label, words = open_nodes.pop()
            yield " ".join(words), node_label
            if open_nodes:
                open_nodes[-1][1].extend(words)
            closed = not open_nodes
    else:
        if closed:
            return
    raise BadDataError("not a sentiment tree")
