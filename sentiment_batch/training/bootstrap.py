"""Bootstrap intervals: how far a figure may be from what more texts of the kind would give (Efron 1979)."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
_SEED = 0

Statistics = Callable[[npt.NDArray[np.int64]], Mapping[str, float | None]]


def intervals(statistics: Statistics, count: int) -> dict[str, tuple[float, float]]:
    """Return the 95 % percentile interval of each statistic over 1,000 seeded resamples of `count` rows.

    `statistics` takes row numbers, int64 [count]. A statistic that is always None gets no interval.
    """
    random = np.random.default_rng(_SEED)
    samples = [statistics(random.integers(0, count, count)) for _ in range(RESAMPLES)]
    found = {}
    for name in samples[0]:
        values = [value for sample in samples if (value := sample[name]) is not None]
        if values:
            low, high = np.quantile(values, [0.025, 0.975])
            found[name] = (float(low), float(high))
    return found
