"""Plot figures as PNG. Call through `process.in_subprocess`: matplotlib takes memory."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders.roster import CONTENDERS, OURS
from benchmarks.outcomes import Outcome, highest_rate
from benchmarks.report import Spread

_OTHERS, _OWN = "#8899aa", "#c0392b"


def draw_throughput(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Draw a picture per workload: rows per second of each contender in its best layout, with their range."""
    for workload in dict.fromkeys(outcome.workload for outcome in outcomes):
        best = [found for name in CONTENDERS if (found := highest_rate(outcomes, workload, name))]
        best.sort(key=lambda outcome: outcome.rows_per_second.median)
        figure, axes = _figure(len(best))
        titles = [f"{CONTENDERS[outcome.contender].title} ({outcome.layout.title()})" for outcome in best]
        rates = [outcome.rows_per_second for outcome in best]
        colours = [_OWN if outcome.contender == OURS else _OTHERS for outcome in best]
        medians = [rate.median for rate in rates]
        axes.barh(titles, medians, xerr=_reach(rates), color=colours)
        for place, rate in enumerate(rates):
            axes.text(rate.high, place, f"  {rate.median:,.0f}", va="center")
        axes.margins(x=0.15)
        axes.set_title(f"{workload}: rows a second, median and range (runs × threads)")
        figure.savefig(folder / f"throughput-{workload}.png")


def draw_scaling(rates: dict[int, Spread], costs: dict[int, Spread], file: Path) -> None:
    """Draw rows per second by the number of cores, beside the CPU time of a million rows by file size."""
    figure, (left, right) = _figure(8, columns=2)
    left.errorbar(list(rates), [rate.median for rate in rates.values()], yerr=_reach(list(rates.values())), marker="o")
    left.set(title="rows a second", xlabel="cores", xticks=list(rates), ylim=_from_zero(rates.values()))
    million = [Spread(*(1e6 * value for value in (cost.median, cost.low, cost.high))) for cost in costs.values()]
    right.errorbar(list(costs), [cost.median for cost in million], yerr=_reach(million), marker="o")
    right.set(title="processor seconds for a million rows", xlabel="rows", xscale="log", ylim=_from_zero(million))
    figure.savefig(file)


def _from_zero(spreads: Iterable[Spread]) -> tuple[float, float]:
    return 0, 1.1 * max(spread.high for spread in spreads)


def _figure(rows: int, columns: int = 1) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=(11, 1 + 0.4 * rows), layout="constrained", dpi=120)
    return figure, axes


def _reach(spreads: Sequence[Spread]) -> list[list[float]]:
    """Return how far the range extends below and above the median, as matplotlib expects error bars."""
    return [[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]]
