"""A report's page as a reader has it: parsed like browsers do, with its figures found by their place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import html5lib

SECTIONS = {"Labels", "Polarity", "Confidence", "Lengths", "Reviews", "The run"}


@dataclass(frozen=True)
class Page:
    """A parsed page; `root` is the `html` element."""

    root: Any

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a page; fails if it is not valid HTML."""
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        return cls(parser.parse(path.read_text("utf-8")))

    def text(self, name: str) -> str:
        """Return the text of the element with this id."""
        found = self.root.findall(f".//*[@id='{name}']")
        assert len(found) == 1, name
        return text_of(found[0])

    def table(self, caption: str) -> dict[str, list[str]]:
        """Return the rows of the one table with this caption: the other cells, keyed by the first one."""
        found = [table for table in self.root.iter("table") if text_of(table.find("caption")).startswith(caption)]
        assert len(found) == 1, caption
        rows = [[text_of(cell) for cell in row] for row in found[0].findall("tbody/tr")]
        return {first: rest for first, *rest in rows}

    def numbers(self, caption: str, column: int = 0) -> list[int]:
        """The integers in a column of a table, from top to bottom."""
        return [int(cells[column].replace(",", "")) for cells in self.table(caption).values()]

    def reviews(self, name: str) -> list[tuple[str, str]]:
        """Return each text in a list of reviews with the line about it."""
        lists = self.root.findall(f".//ol[@aria-labelledby='{name}']")
        assert len(lists) == 1, name
        return [tuple(text_of(part) for part in item) for item in lists[0]]

    def headings(self) -> list[tuple[int, str]]:
        """Return the level and words of every heading, in order."""
        tags = {f"h{level}": level for level in range(1, 7)}
        return [(tags[element.tag], text_of(element)) for element in self.root.iter() if element.tag in tags]


def text_of(element: Any) -> str:
    """Return all text within, except that of drawings, with single spaces."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Any) -> list[str]:
    pieces = [element.text or ""]
    for child in element:
        if not child.tag.endswith("}svg"):
            pieces += _pieces(child)
        pieces.append(child.tail or "")
    return pieces
