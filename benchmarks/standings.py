"""The result of `throughput` as Markdown tables."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.contenders.roster import CONTENDERS
from benchmarks.limit import TARGETS, Limit
from benchmarks.outcomes import PERCENTILES, Comparison, Outcome
from benchmarks.report import MEGABYTE, table

_UNITS_OF_TARGETS = {"rows/s": "≥ {:.2f} ×", "p50 of one text": "≤ {:.2f} ×"}


def standings(
    outcomes: Sequence[Outcome], comparisons: Sequence[Comparison], limit: Limit, left_out: Mapping[str, str]
) -> Iterator[str]:
    """Yield the sections of the report."""
    for workload in dict.fromkeys(outcome.workload for outcome in outcomes):
        entered = [outcome for outcome in outcomes if outcome.workload == workload]
        yield f"### {workload}"
        yield _rates(entered)
        yield _latencies(entered)
    yield "### This project beside the others"
    yield limit.markdown()
    yield _comparisons(comparisons, limit)
    if left_out:
        yield table(("not measured", "why"), [(CONTENDERS[name].title, _line(why)) for name, why in left_out.items()])


def _rates(outcomes: Sequence[Outcome]) -> str:
    return table(
        (
            "contender",
            "runs × threads",
            "rows/s",
            "padding",
            "float's label",
            "load, s",
            "first result, s",
            "peak RSS, MB",
        ),
        [
            (
                CONTENDERS[o.contender].title,
                o.layout.title(),
                o.rows_per_second.show(1),
                f"{o.padding:.1%}",
                "" if o.agreement is None else f"{o.agreement:.1%}",
                o.load_seconds.show(2),
                o.first_result_seconds.show(2),
                o.peak_rss_bytes.show(0, MEGABYTE),
            )
            for o in outcomes
        ],
    )


def _latencies(outcomes: Sequence[Outcome]) -> str:
    header = ("one text, milliseconds", "runs × threads", *(f"p{percent}" for percent in PERCENTILES))
    return table(
        header,
        [
            (CONTENDERS[o.contender].title, o.layout.title(), *(s.show(1, 1e-3) for s in o.latencies.values()))
            for o in outcomes
        ],
    )


def _comparisons(comparisons: Sequence[Comparison], limit: Limit) -> str:
    rows = [
        (
            c.workload,
            CONTENDERS[c.against].title,
            c.layout.title(),
            c.measured,
            f"{c.ratio:.2f} ×",
            "" if c.target is None else _UNITS_OF_TARGETS[c.measured].format(c.target),
        )
        for c in comparisons
    ]
    for workload, fraction in limit.fractions.items():
        target = f"≥ {TARGETS[workload]:.0%}" if workload in TARGETS else ""
        rows.append((workload, "the limit of 8-bit products", "", "rows/s", f"{fraction:.1%}", target))
    return table(("workload", "against", "its runs × threads", "measured", "ratio", "target"), rows)


def _line(text: str) -> str:
    """Return the first line, escaped for a table."""
    return (text.splitlines() or [""])[0].replace("|", "\\|")
