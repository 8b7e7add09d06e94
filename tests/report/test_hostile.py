"""Whatever a review, a value or a name holds, the page shows it as text."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from report.pages import Page
from report.reviews import HOSTILE, hostile_reviews

# What this page is made of; nothing here can load or run anything.
_TAGS = """
html head meta title style body a header h1 h2 h3 p nav ul ol li dl div dt dd main section table caption thead tbody tr
th td span bdi code br figure figcaption details summary footer
"""
_ATTRIBUTES = """
lang charset http-equiv content name class id href tabindex scope dir role width height x y focusable
aria-label aria-labelledby aria-hidden
"""
TAGS = {*_TAGS.split(), *(f"{{http://www.w3.org/2000/svg}}{name}" for name in ("svg", "rect", "title"))}
ATTRIBUTES = set(_ATTRIBUTES.split())


def escaped(text: str) -> str:
    """Return the text as the page shows it: invisible characters are written out, joiners in words and emoji stay."""
    shown = "".join(
        character if character.isprintable() or character in "\n\t\u200c\u200d" else repr(character)[1:-1]
        for character in text
    )
    return " ".join(shown[:400].split())


@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "s.jsonl"])
def test_text_stays_text(scored: Callable[..., Path], report: Callable[..., Page], name: str) -> None:
    """The page has only its own elements and attributes, and shows every text as it was written."""
    scored(name, rows=hostile_reviews())
    page = report(name, "--by", "<i>shop\u202e", "--top", "20")
    elements = list(page.root.iter())
    assert {element.tag for element in elements} <= TAGS
    assert {attribute for element in elements for attribute in element.attrib} <= ATTRIBUTES
    assert all(element.get("href", "#").startswith("#") for element in elements)
    texts = [text for text, _ in page.reviews("most-positive")]
    assert len(texts) == len(HOSTILE)
    for text in HOSTILE:
        assert any(shown.startswith(escaped(text)) for shown in texts), text
    assert page.root.findall(".//title")[0].text == f"Sentiment of {name}"


def test_the_page_may_load_and_run_nothing(scored: Callable[..., Path], report: Callable[..., Page]) -> None:
    """The page's own policy precedes its style sheet and forbids everything else."""
    scored("s.csv", rows=hostile_reviews())
    head = report("s.csv").root.find("head")
    policy = head.find("meta[@http-equiv='Content-Security-Policy']")
    assert list(head).index(policy) < list(head).index(head.find("style"))
    directives = dict(part.split(" ", 1) for part in policy.get("content").split("; "))
    assert directives["default-src"] == "'none'"
    assert set(directives) == {"default-src", "style-src", "base-uri", "form-action"}
    assert directives["style-src"].startswith("'sha256-")


def test_names_in_a_receipt(scored: Callable[..., Path], report: Callable[..., Page]) -> None:
    """Names in a receipt are shown as text too."""
    output = scored("s.jsonl")
    path = output.with_name("s.jsonl.receipt.json")
    receipt = json.loads(path.read_text("utf-8"))
    receipt["model"] = receipt["inputs"][0]["name"] = HOSTILE[0]
    receipt["versions"] = {HOSTILE[2]: HOSTILE[7]}
    path.write_text(json.dumps(receipt), "utf-8")
    page = report("s.jsonl")
    assert {element.tag for element in page.root.iter()} <= TAGS
    assert list(page.table("Inputs")) == [HOSTILE[0]]


def test_half_of_a_surrogate_pair(scored: Callable[..., Path], report: Callable[..., Page]) -> None:
    """Half a surrogate pair, which JSON can hold but a UTF-8 file cannot, is written out."""
    output = scored("s.jsonl", rows=[{"id": "1", "text": "good \ud83d film", "shop": "\udc00"}])
    assert "\\ud83d" in output.read_text("utf-8")
    page = report("s.jsonl", "--by", "shop")
    assert page.reviews("most-positive")[0][0] == "good \\ud83d film"
