"""Reviews to score."""

import json
import random
from pathlib import Path
from typing import Any

from cli.tables import Row

from sentiment_batch.distribution import CONFIDENCE_EDGES, TOKEN_EDGES

WORDS = ("a", "bad", "film", "good", "not", "really", "seen", "the", "was", "worse")


def some_reviews(count: int) -> list[Row]:
    """Return seeded reviews, some without text, of three shops and several days."""
    draw = random.Random(7)
    return [
        {
            "id": str(number),
            "text": "" if number % 17 == 3 else " ".join(draw.choices(WORDS, k=draw.randint(1, 40))),
            "shop": draw.choice(["north", "south", "<b>west</b>"]),
            "day": f"2024-0{draw.randint(1, 2)}-{draw.randint(1, 9):02}T10:00:00Z",
        }
        for number in range(count)
    ]


# Each has a word that the model knows, so that all of them stand out somewhere.
HOSTILE = [
    "<script>document.title = 'taken'</script> good",
    "<img src=x onerror=\"document.title='taken'\"> bad <a href='javascript:alert(1)'>film</a>",
    "</p></li></style></title></textarea><svg onload=document.title='taken'> worse",
    "<style>body{display:none}</style><meta http-equiv=refresh content='0;url=https://example.org/'> seen",
    "<link rel=stylesheet href=https://example.org/x.css><iframe src=https://example.org/></iframe> really",
    "{{ 7 * 7 }} {% raw %} {# not #} good",
    "&lt;b&gt; &amp; &quot;film&quot; '\"` bad",
    "\u202eevil\u202c \u2066good\u2069 \u200ffilm\u200e",
    "nul\0byte \x1b[31mbad\x1b[0m \x07 \x7f \x85 film",
    "w" * 3000 + " good",
    "https://example.org/" + "x" * 500 + " bad",
    "Z" + "\u0335\u0301\u0300" * 200 + " worse",
    "good \u05e9\u05dc\u05d5\u05dd film",
    "bad \U0001f469\u200d\U0001f4bb film \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
]


def hostile_reviews() -> list[Row]:
    """Return reviews whose texts, values and columns try to be more than text."""
    shops = ["<script>document.title='taken'</script>", "\u202eshop", "w" * 500, "<b>good"]
    return [
        {"id": str(number), "text": text, "<i>shop\u202e": shops[number % 4], "shop": shops[number % 4]}
        for number, text in enumerate(HOSTILE)
    ]


# A distribution of a hundred rows, in the form that receipts hold it.
DISTRIBUTION: dict[str, Any] = {
    "labels": {"negative": 30, "neutral": 50, "positive": 19, "joy": 1},
    "mean_polarity": -0.25,
    "confidence": {"edges": CONFIDENCE_EDGES, "rows": [0, 10, *[5] * 18]},
    "tokens": {"edges": TOKEN_EDGES, "rows": [40, 60, *[0] * 13]},
    "truncated_share": 0.125,
    "unknown_token_share": 0.0,
}


def write_earlier_receipt(path: Path, receipt: Path) -> None:
    """Write a receipt of another run by another model, otherwise equal to `receipt`."""
    found = json.loads(receipt.read_text("utf-8")) | {"distribution": DISTRIBUTION, "model_sha256": "0" * 64}
    path.write_text(json.dumps(found), "utf-8")
