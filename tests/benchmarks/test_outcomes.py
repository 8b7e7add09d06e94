"""How figures are summed up and compared."""

import pytest

from benchmarks.contenders import Layout
from benchmarks.limit import Limit
from benchmarks.outcomes import Outcome, compare, percentile, reference_labels
from benchmarks.report import Spread
from benchmarks.worker import Run


def outcome(
    contender: str, rates: list[float], labels: str, layout: Layout | None = None, milliseconds: float = 1
) -> Outcome:
    runs = [Run(list(labels), rate, 1, 1, [milliseconds / 1000] * 3, 1, 10, 0.0) for rate in rates]
    return Outcome.of("short", contender, layout or Layout(1, 2), runs, list("abcc"))


def test_spread_is_the_median_with_its_range() -> None:
    """Several runs are summed up by their median, shown with the extremes."""
    assert Spread.of([5.0, 1.0, 2.0]) == Spread(median=2.0, low=1.0, high=5.0)
    assert Spread.of([5e6, 1e6, 2e6]).show(1, 1e6) == "2.0 (1.0–5.0)"


def test_comparison_is_with_the_best_layout() -> None:
    """The ratio is that of the medians; the best layout for many texts need not be the best for one."""
    slow, quick = Layout(1, 2, 1), Layout(1, 2, 8)
    comparisons = compare(
        [
            outcome("pipeline-float32", [10, 20, 900], "abcd", slow, milliseconds=10),
            outcome("pipeline-float32", [50, 40, 60], "abca", quick, milliseconds=30),
            outcome("sentiment-batch-per-row", [400, 100, 200], "abcc", milliseconds=2),
        ]
    )
    assert [(c.measured, c.layout, c.ratio, c.target) for c in comparisons] == [
        ("rows/s", quick, 4.0, 6.0),
        ("p50 of one text", slow, pytest.approx(0.2), 0.2),
    ]


def test_comparison_needs_both() -> None:
    """Without this project, or without a rival, there is nothing to compare."""
    assert compare([outcome("ctranslate2", [1], "abcc")]) == []
    assert compare([outcome("sentiment-batch-per-row", [1], "abcc")]) == []


def test_agreement_is_with_the_float_model() -> None:
    """Agreement is the share of labels equal to those of the first float contender that was measured."""
    assert outcome("ctranslate2", [1], "abca").agreement == 0.75
    labels = {("short", "openvino-float32"): ["b"], ("short", "onnxruntime-float32"): ["a"], ("long", "lab"): ["c"]}
    assert reference_labels(labels, "short") == ["a"]
    assert reference_labels(labels, "long") is None


def test_percentiles_are_values_that_were_measured() -> None:
    """At least half of the values do not exceed the 50th percentile, and at least 99% do not exceed the 99th."""
    values = [float(value) for value in range(200, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 99)] == [100, 190, 198]
    assert percentile([7.0], 99) == 7.0


def test_fraction_of_the_limit() -> None:
    """10 operations per token at 30 tokens per second are half of 600 operations per second."""
    limit = Limit.of([(1, 3), (2, 1)], [500, 600, 700], {"short": 30})
    assert (limit.operations_per_token, limit.fractions) == (10, {"short": 0.5})
