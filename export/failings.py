"""Where a model fails, as far as it was measured: the part of its card to read before relying on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sentiment_batch.export.markdown import table
from sentiment_batch.export.sample import BUILT_IN
from sentiment_batch.labels import places_in_order
from sentiment_batch.manifest import Description

# Kinds of wording with a smaller share of cases as expected are told as failings.
_ENOUGH = 0.7
_SHOWN_CHARACTERS = 90


def render_failings(description: Description, language: str | None) -> list[str]:
    """Blocks of Markdown; `language` is what the base was pretrained on, if known."""
    samples, kinds = description.measured["samples"], description.measured.get("behaviour", {})
    facts = [
        _labels(name, record["confusion"], description.labels, description.polarities)
        for name, record in samples.items()
        if "confusion" in record
    ]
    facts += [
        "It judges wording, and knows little of irony or of the world: measure it on texts of your own before "
        "decisions depend on it.",
        f"It reads {description.max_tokens} tokens at most; `--long-text` says what becomes of longer texts.",
    ]
    if language:
        facts.append(f"Its base was pretrained on {language}: expect little of texts in other languages.")
    if list(samples) == [BUILT_IN]:
        facts.append("The graph was compared with float on a small built-in sample only, not on texts of your kind.")
    return ["\n".join(f"- {fact}" for fact in facts), *_wordings(kinds)]


def _labels(
    name: str, confusion: Sequence[Sequence[int]], labels: Sequence[str], polarities: Sequence[float] | None
) -> str:
    """Which label is found least often, and how far off the mistakes are."""
    counts = np.array(confusion)
    totals = counts.sum(axis=1)
    mistakes = counts - np.diag(counts.diagonal())
    if not mistakes.any():
        return f"{name}: no mistake was seen."
    missed = int(np.argmax(mistakes.sum(axis=1) / totals.clip(min=1)))
    taken_for = int(mistakes[missed].argmax())
    fact = (
        f"{name}: *{labels[missed]}* is found least often, in {counts[missed, missed] / totals[missed]:.0%} of its "
        f"{totals[missed]:,} texts; {counts[missed, taken_for] / totals[missed]:.0%} of them come out as "
        f"*{labels[taken_for]}*."
    )
    if polarities is None or len(labels) < 3:
        return fact
    places, sides = np.array(places_in_order(polarities)), np.sign(polarities)
    near = mistakes[np.abs(places[:, None] - places) == 1].sum() / mistakes.sum()
    opposite = mistakes[np.outer(sides, sides) < 0].sum() / mistakes.sum()
    return f"{fact} Of all mistakes {near:.0%} are one label off, and {opposite:.0%} on the opposite side."


def _wordings(kinds: Mapping[str, Any]) -> list[str]:
    """The kinds of behaviour that fail most, with an example each."""
    weak = {name: kind for name, kind in kinds.items() if kind["passed"] < _ENOUGH * kind["cases"]}
    if not weak:
        return []
    rows = [
        (name, f"{kind['passed']} of {kind['cases']}", _expectation(kind["failed"][0]), _example(kind["failed"][0]))
        for name, kind in sorted(weak.items(), key=lambda item: item[1]["passed"] / item[1]["cases"])
    ]
    return [
        "Kinds of wording that it often gets wrong, with one of the cases each:",
        table(("Kind", "As expected", "Expected was", "Of"), rows),
    ]


def _expectation(case: Mapping[str, Any]) -> str:
    expectation: str = case["expectation"]
    return {"same": "the same label", "rising": "rising polarity"}.get(expectation, expectation)


def _example(case: Mapping[str, Any]) -> str:
    return " / ".join(f"`{_cut(text)}`" for text in case["texts"])


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
