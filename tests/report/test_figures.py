"""The figures on the page are those of the file."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.tables import Row, read_table
from report.pages import Page
from report.reviews import DISTRIBUTION, some_reviews, write_earlier_receipt
from tiny_graph import save_model

from sentiment_batch.labels import FIVE_CLASSES

TOKEN_EDGES = [0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, np.inf]

Scored = Callable[..., Path]
Report = Callable[..., Page]


def typed(rows: list[Row], prefix: str = "") -> list[dict[str, Any]]:
    """Return the predictions of the scored rows, with the same types for every format."""
    return [
        {
            "text": row["text"],
            "shop": row["shop"],
            "month": row["day"][:7],
            "sentiment": row[f"{prefix}sentiment"],
            "confidence": float(row[f"{prefix}confidence"]),
            "polarity": float(row[f"{prefix}polarity"]),
            "n_tokens": int(row[f"{prefix}n_tokens"]),
            "truncated": str(row[f"{prefix}truncated"]).lower() == "true",
        }
        for row in rows
        if row[f"{prefix}sentiment"]
    ]


def percent(part: float, whole: float) -> str:
    return f"{part / whole:.1%}"


def decimal(value: float) -> str:
    return f"{value:z.2f}".replace("-", "−")


def require_figures(page: Page, rows: list[dict[str, Any]], total: int) -> None:
    """Assert that all figures on the page are those of these scored rows."""
    scored = len(rows)
    assert page.text("rows") == f"{total:,}"
    assert page.text("scored") == f"{scored:,}"
    assert page.text("unscorable") == f"{total - scored:,}"
    assert page.text("mean-polarity") == decimal(sum(row["polarity"] for row in rows) / scored)
    truncated = sum(row["truncated"] for row in rows)
    assert page.text("truncated") == percent(truncated, scored)
    labels = Counter(row["sentiment"] for row in rows)
    assert len(labels) > 2
    expected = {label: [f"{count:,}", percent(count, scored), ""] for label, count in labels.items()}
    table = page.table("Scored rows by label")
    assert table == expected
    assert list(table) == [label for label in FIVE_CLASSES if label in labels]
    assert page.table("Rows without a prediction") == {
        "empty_text": [f"{total - scored:,}", percent(total - scored, total)]
    }
    for caption, name, edges in (
        ("Polarity,", "polarity", np.linspace(-1, 1, 21)),
        ("Confidence,", "confidence", np.linspace(0, 1, 21)),
        ("Tokens that the model read,", "n_tokens", TOKEN_EDGES),
    ):
        assert page.numbers(caption) == np.histogram([row[name] for row in rows], edges)[0].tolist()
    cut = [row["n_tokens"] for row in rows if row["truncated"]]
    assert cut
    assert page.numbers("Tokens that the model read,", 2) == np.histogram(cut, TOKEN_EDGES)[0].tolist()


@pytest.mark.parametrize("prefix", ["", "model_"])
@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "s.tsv.gz", "s.jsonl", "s.jsonl.zst"])
def test_figures_of_every_format(scored: Scored, report: Report, name: str, prefix: str) -> None:
    """Counts, shares, means and histograms are those of the file, in every format that `score` writes."""
    output = scored(name, "--prefix", prefix, "--max-tokens", "20")
    rows = read_table(output)
    require_figures(report(name), typed(rows, prefix), len(rows))


def test_folders(scored: Scored, report: Report, tmp_path: Path) -> None:
    """All scored files of a folder count as one output, whoever put them there; other files are ignored."""
    folder = scored("one.parquet/", "--max-tokens", "20")
    found = [row for part in sorted(folder.glob("part-*")) for row in read_table(part)]
    require_figures(report("one.parquet"), typed(found), len(found))

    output = tmp_path / "scored"
    output.mkdir()
    rows = some_reviews(400)
    for part in range(2):
        scored(f"part-{part}.csv", "--max-tokens", "20", rows=rows[part::2]).rename(output / f"part-{part}.csv")
    (output / "part-0.csv.rejects.jsonl").write_text("{}\n", "utf-8")
    (output / "_SUCCESS").touch()
    found = [row for part in range(2) for row in read_table(output / f"part-{part}.csv")]
    require_figures(report("scored"), typed(found), len(found))


def test_a_prefix_without_a_receipt(scored: Scored, report: Report) -> None:
    """For a file without a receipt, the prefix can be given with --prefix."""
    output = scored("s.csv", "--prefix", "model_")
    output.with_name("s.csv.receipt.json").unlink()
    assert report("s.csv", "--prefix", "model_").text("rows") == "400"


@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "s.jsonl"])
def test_groups_by_a_column(scored: Scored, report: Report, name: str) -> None:
    """--by gives rows, mean polarity and label shares for each value, the largest group first; values stay text."""
    rows = read_table(scored(name))
    table = report(name, "--by", "shop").table("Rows, mean polarity and shares of labels for each value")
    counts = Counter(row["shop"] for row in rows)
    assert list(table) == [shop for shop, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    for shop, (count, polarity, shares) in table.items():
        group = [row for row in typed(rows) if row["shop"] == shop]
        assert count == str(counts[shop])
        assert polarity == decimal(sum(row["polarity"] for row in group) / len(group))
        labels = Counter(row["sentiment"] for row in group)
        for part in shares.split(", "):
            label, share = part.rsplit(" ", 1)
            assert share == percent(labels[label], len(group))


@pytest.mark.parametrize("kind", ["text", pa.timestamp("us", "UTC"), pa.date32()])
def test_days(scored: Scored, report: Report, kind: Any, tmp_path: Path) -> None:
    """Dates and times, even as text, are grouped by day in order; rows without one are counted as "no value"."""
    output = scored("s.parquet")
    table = pq.read_table(output)
    days = [row["day"][:10] for row in table.to_pylist()]
    if kind != "text":
        column = pa.array([f"{day} 10:00:00" for day in days]).cast(pa.timestamp("us")).cast(kind, safe=False)
        table = table.set_column(table.schema.get_field_index("day"), "day", column)
    last = table.slice(0, 1).set_column(
        table.schema.get_field_index("day"), "day", pa.nulls(1, table.schema.field("day").type)
    )
    pq.write_table(pa.concat_tables([table, last]), output)
    found = report("s.parquet", "--by", "day").table("Rows, mean polarity and shares of labels for each day")
    expected = {day: str(count) for day, count in sorted(Counter(days).items())} | {"no value": "1"}
    assert {day: cells[0] for day, cells in found.items()} == expected
    assert list(found) == list(expected)


def test_many_days_are_months_and_many_values_are_cut(scored: Scored, report: Report) -> None:
    """Many days become months and many values are cut off, so that lists stay short and no row is lost."""
    rows = some_reviews(400)
    for number, row in enumerate(rows):
        row["day"] = f"20{number % 10:02}-{number % 12 + 1:02}-{number % 28 + 1:02}"
    scored("s.jsonl", rows=rows)
    months = report("s.jsonl", "--by", "day").table("Rows, mean polarity and shares of labels for each month")
    assert {month: int(cells[0]) for month, cells in months.items()} == Counter(row["day"][:7] for row in rows)
    values = report("s.jsonl", "--by", "id").table("Rows, mean polarity and shares of labels for each value")
    assert len(values) == 41
    assert values["all 360 others"][0] == "360"


@pytest.mark.parametrize("name", ["s.parquet", "s.csv", "s.jsonl"])
def test_reviews_that_stand_out(scored: Scored, report: Report, name: str) -> None:
    """The lists hold the most positive, most negative and least certain reviews, each text once, best first."""
    output = scored(name, rows=some_reviews(200) * 2)
    rows = {row["text"]: row for row in reversed(typed(read_table(output)))}
    page = report(name, "--top", "7")
    for heading, column, sign in (
        ("most-positive", "polarity", -1),
        ("most-negative", "polarity", 1),
        ("least-certain", "confidence", 1),
    ):
        found = page.reviews(heading)
        assert len({text for text, _ in found}) == 7
        assert [rows[text][column] for text, _ in found] == sorted(
            (row[column] for row in rows.values()), key=lambda value: sign * value
        )[:7]
        for text, line in found:
            row = rows[text]
            assert line.startswith(
                f"{row['sentiment']} · polarity {decimal(row['polarity'])} · confidence {decimal(row['confidence'])}"
            )
    texts = [row["text"] for row in some_reviews(200)]
    for text, line in page.reviews("most-positive"):
        assert f" · row {texts.index(text) + 1}" in line


def test_what_is_not_there_is_not_shown(scored: Scored, report: Report) -> None:
    """If the file holds no reviews, none are shown and the page says so; --top 0 leaves the lists out."""
    scored("s.csv", "--columns", "id")
    page = report("s.csv")
    assert "The file does not hold the reviews" in "".join(page.root.itertext())
    assert len(page.reviews("most-positive")) == 10
    assert "Reviews" not in {words for _, words in report("s.csv", "--top", "0").headings()}


def test_labels_without_an_order(scored: Scored, report: Report, tmp_path: Path) -> None:
    """If labels have no polarity, the page does not mention it."""
    rows = [
        {**row, "sentiment": {"positive": "joy", "very positive": "joy"}.get(row["sentiment"], row["sentiment"])}
        for row in read_table(scored("s.jsonl"))
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row | {"polarity": None}) + "\n" for row in rows), "utf-8")
    page = report("s.jsonl", "--by", "shop")
    counts = Counter(row["sentiment"] for row in rows if row["sentiment"])
    assert list(page.table("Scored rows by label")) == [label for label, _ in counts.most_common()]
    headings = {words for _, words in page.headings()}
    assert "Polarity" not in headings
    assert "Most positive" not in headings
    assert page.reviews("least-certain")


def test_stars_that_do_not_occur(scored: Scored, report: Report, tmp_path: Path) -> None:
    """If all reviews have the same stars, these keep their place among the model's, colour and polarity included."""
    folder = tmp_path / "stars"
    folder.mkdir()
    save_model(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["id2label"] = {str(i): f"{i + 1} stars" for i in range(5)}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    [row] = read_table(scored("s.csv", "--model", str(folder), rows=[{"text": "good"}]))
    page = report("s.csv")
    assert page.text("mean-polarity") == decimal(float(row["polarity"]))
    rank = int(row["sentiment"][0]) - 1
    assert page.root.findall(f".//span[@class='swatch rank-{rank}']")


def test_the_receipt(scored: Scored, report: Report) -> None:
    """The page shows what the receipt beside the file says, where the two differ, or that there is none."""
    output = scored("s.parquet")
    receipt = json.loads(output.with_name("s.parquet.receipt.json").read_text("utf-8"))
    page = report("s.parquet")
    for name in ("rows-in", "rows-scored", "rows-unscorable", "rows-rejected"):
        assert page.text(name) == f"{receipt[name.replace('-', '_')]:,}"
    words = "".join(page.root.itertext())
    for fact in ("model", "model_sha256", "run", "started", "finished", "provider"):
        assert receipt[fact] in words
    assert receipt["output"]["sha256"] in words
    assert list(page.table("Inputs")) == [entry["name"] for entry in receipt["inputs"]]
    assert "it is not what the run wrote" not in words

    pq.write_table(pq.read_table(output).slice(1), output)
    assert "399 rows, its receipt speaks of 400" in "".join(report("s.parquet").root.itertext())
    output.with_name("s.parquet.receipt.json").unlink()
    assert "There is no receipt beside the file" in "".join(report("s.parquet").root.itertext())


def test_drift(scored: Scored, report: Report, tmp_path: Path) -> None:
    """Compared with an earlier receipt, the page shows shares before and now, and the stability index."""
    rows = typed(read_table(scored("s.jsonl")))
    write_earlier_receipt(tmp_path / "old.receipt.json", tmp_path / "s.jsonl.receipt.json")
    page = report("s.jsonl", "--compare-to", "old.receipt.json")
    labels = Counter(row["sentiment"] for row in rows)
    names = sorted({*labels, "negative", "neutral", "positive", "joy"})
    before = [DISTRIBUTION["labels"].get(name, 0) for name in names]
    now = [labels[name] for name in names]
    assert page.text("drift-labels") == f"{stability(before, now):.3f}"
    table = page.table("Label: stability index")
    for name, old, new in zip(names, before, now, strict=True):
        assert table[name][:2] == [f"{old / 100:.1%}", f"{new / len(rows):.1%}"]
    for name, column in (("confidence", "confidence"), ("tokens", "n_tokens")):
        before = DISTRIBUTION[name]["rows"]
        counts = np.histogram([row[column] for row in rows], DISTRIBUTION[name]["edges"])[0]
        assert page.text(f"drift-{name}") == f"{stability(before, counts.tolist()):.3f}"
    words = "".join(page.root.itertext())
    assert "Another model scored that run" in words
    assert re.search(r"chance alone can bring it to \d\.\d+ for labels, \d\.\d+ for confidence and \d\.\d+ for", words)


def stability(before: list[int], now: list[int]) -> float:
    """Return the population stability index of two histograms, with half a row added to every bin with any."""
    filled = np.array(before) + np.array(now) > 0
    p, q = np.array(before)[filled] + 0.5, np.array(now)[filled] + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())
