"""Bootstrap intervals: how far a figure may be from what more texts of the kind would give (Efron 1979)."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
_SEED = 0

Statistics = Callable[[npt.NDArray[np.int64]], Mapping[str, float | None]]


def intervals(statistics: Statistics, groups: npt.NDArray[np.int64]) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile interval of each statistic over 1,000 seeded resamples of rows.

    `groups`: of each row, int64 [N], by numbers. Groups are drawn whole, for what is like a row that was drawn tells
    little more (Davison and Hinkley 1997, section 3.8). `statistics` takes row numbers, int64 [rows drawn]. A statistic
    that is always None gets no interval.
    """
    random = np.random.default_rng(_SEED)
    _, sizes = np.unique(groups, return_counts=True)
    by_group, starts = np.argsort(groups, kind="stable"), np.cumsum(sizes) - sizes

    def resample() -> npt.NDArray[np.int64]:
        drawn = random.integers(0, len(sizes), len(sizes))
        ends = np.cumsum(sizes[drawn])
        skipped = starts[drawn] - (ends - sizes[drawn])
        rows: npt.NDArray[np.int64] = by_group[np.arange(ends[-1]) + np.repeat(skipped, sizes[drawn])]
        return rows

    samples = [statistics(resample()) for _ in range(RESAMPLES)]
    found = {}
    for name in samples[0]:
        values = [value for sample in samples if (value := sample[name]) is not None]
        if values:
            low, high = np.quantile(values, [0.025, 0.975])
            found[name] = (float(low), float(high))
    return found
