"""Render the page: one self-contained HTML file that runs no script and shows all data as plain text."""

import base64
import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sentiment_batch.receipt import Receipt
from sentiment_batch.report.groups import Grouping
from sentiment_batch.report.rows import ScoredRows
from sentiment_batch.report.shifts import Shifts, spans
from sentiment_batch.report.statistics import Group, Statistics, share

_MAX_INPUTS = 20
_MAX_CHARACTERS = 60  # of a name
_JOINERS = "\u200c\u200d"  # used in emoji, Persian and Indic scripts
# Unordered labels take these colours in turn.
_COLOURS = 6


def render(
    name: str,
    rows: ScoredRows,
    found: Statistics,
    receipt: Receipt | None,
    compared_to: str | None,
    shifts: Shifts | None,
) -> str:
    """Render the page about the output `name`; `compared_to` names the receipt of an earlier run, if there is one."""
    environment = Environment(
        loader=PackageLoader("sentiment_batch.report"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "brief": _brief,
        "count": _count,
        "decimal": _decimal,
        "index": _index,
        "points": _points,
        "share": _share,
        "width": _width,
    }
    colours = _colours(found.labels, found.polarities)

    def stack(group: Group) -> list[tuple[str, float, str]]:
        return [(label, share(group.labels[label], group.scored), colours[label]) for label in found.labels]

    style = environment.get_template("report.css").render()
    return environment.get_template(
        "report.html"
    ).render(
        name=name,
        version=version("sentiment-batch"),
        written=datetime.now(UTC).isoformat(timespec="minutes"),
        style=Markup(style),  # our own: no data goes into it
        style_sha256=base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii"),
        rows=rows,
        found=found,
        grouping=None if rows.by is None else Grouping.of(found, rows.by),
        receipt=receipt,
        inputs=receipt["inputs"][:_MAX_INPUTS] if receipt else [],
        compared_to=compared_to,
        shifts=shifts,
        colours=colours,
        part=share,
        spans=spans,
        stack=stack,
    )


def visible(text: str) -> str:
    """Escape, as Python does, characters that are invisible or change how the rest is displayed."""
    return "".join(character if _is_harmless(character) else repr(character)[1:-1] for character in text)


def _is_harmless(character: str) -> bool:
    if character in "\n\t" or character in _JOINERS:
        return True
    # Control characters, format characters (such as text direction marks), lone surrogates.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _colours(labels: Sequence[str], polarities: Mapping[str, float]) -> dict[str, str]:
    """A CSS class for each label."""
    if polarities:
        return {label: f"rank-{round((polarities[label] + 1) * 2)}" for label in labels}
    return {label: f"kind-{place % _COLOURS}" for place, label in enumerate(labels)}


def _brief(name: str) -> str:
    return name if len(name) <= _MAX_CHARACTERS else f"{name[:_MAX_CHARACTERS]}…"


def _count(value: int) -> str:
    return f"{value:,}"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _decimal(value: float | None) -> str:
    return "–" if value is None else _minus(f"{value:z.2f}")


def _index(value: float) -> str:
    return f"{value:.3f}"


def _points(value: float) -> str:
    return _minus(f"{value * 100:+z.1f}")


def _minus(number: str) -> str:
    return number.replace("-", "−")


def _width(value: float) -> str:
    """Format a fraction as a width for SVG."""
    return f"{value * 100:.3f}%"
