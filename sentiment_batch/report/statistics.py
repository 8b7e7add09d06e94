"""Statistics of scored rows, gathered in one pass and in memory that does not grow with them."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.distribution import CONFIDENCE_EDGES, TOKEN_EDGES, histogram
from sentiment_batch.errors import BadDataError, UsageError
from sentiment_batch.labels import FIVE_CLASSES, polarities
from sentiment_batch.report.extremes import Extremes

POLARITY_EDGES = tuple(step / 10 for step in range(-10, 11))
# As in receipts, where the last bin has no upper edge either.
_TOKEN_EDGES = (*TOKEN_EDGES[:-1], math.inf)
_MAX_LABELS = 1_000
# More than the days of two and a half centuries.
_MAX_GROUPS = 100_000


@dataclass
class Histogram:
    """Counts per bin: `rows[i]` values lie from edges[i] up to edges[i + 1]; see distribution.histogram."""

    edges: Sequence[float]
    rows: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = np.zeros(len(self.edges) - 1, np.int64)

    def add(self, values: pa.Array) -> None:
        """Count the values that are not null."""
        self.rows += histogram(values.drop_null().to_numpy(), self.edges)


@dataclass
class Group:
    """Rows that have one value in common."""

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    polarity_sum: float = 0.0
    polarity_rows: int = 0

    @property
    def scored(self) -> int:
        return self.labels.total()

    @property
    def mean_polarity(self) -> float | None:
        """The mean polarity, in [-1, 1]; None if the labels have no order or no row is scored."""
        return self.polarity_sum / self.polarity_rows if self.polarity_rows else None

    def add(self, other: "Group") -> None:
        self.rows += other.rows
        self.labels += other.labels
        self.polarity_sum += other.polarity_sum
        self.polarity_rows += other.polarity_rows


class Statistics:
    """Statistics of the batches of `ScoredRows`; the `top` most extreme reviews of each kind are kept.

    `known_labels`: those that the model has; they need not all occur. Without any, it is taken to have the usual five.
    """

    def __init__(self, top: int, known_labels: Sequence[str]) -> None:
        self.top = top
        self._known_labels = known_labels or FIVE_CLASSES
        self.total = Group()
        self.groups: defaultdict[str | None, Group] = defaultdict(Group)
        self.errors: Counter[str] = Counter()
        self.truncated = 0
        self.polarity = Histogram(POLARITY_EDGES)
        self.confidence = Histogram(CONFIDENCE_EDGES)
        self.tokens = Histogram(_TOKEN_EDGES)
        self.truncated_tokens = Histogram(_TOKEN_EDGES)
        self.most_positive = Extremes(top, "polarity", 1)
        self.most_negative = Extremes(top, "polarity", -1)
        self.least_certain = Extremes(top, "confidence", -1)

    @property
    def labels(self) -> list[str]:
        """Labels from most negative to most positive; if they have no order, the most frequent first."""
        labels = [label for label, _ in self.total.labels.most_common()]
        order = self.polarities
        return sorted(labels, key=lambda label: order[label]) if order else labels

    @property
    def polarities(self) -> Mapping[str, float]:
        """The polarity of each label, in [-1, 1]; empty if the labels have no order."""
        # If one of the model's labels does not occur, the others keep their polarities.
        is_known = self.total.labels.keys() <= set(self._known_labels)
        names = self._known_labels if is_known else tuple(self.total.labels)
        known = polarities(names)
        return {} if known is None else dict(zip(names, known, strict=True))

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch; raises UsageError for too many groups, BadDataError for too many labels."""
        first = self.total.rows
        self._count(batch)
        scored = batch.filter(pc.is_valid(batch["sentiment"]))
        self.errors.update(_counts(batch["sentiment_error"]))
        self.truncated += pc.sum(scored["truncated"]).as_py() or 0
        self.polarity.add(scored["polarity"])
        self.confidence.add(scored["confidence"])
        self.tokens.add(scored["n_tokens"])
        self.truncated_tokens.add(scored.filter(scored["truncated"])["n_tokens"])
        for extremes in (self.most_positive, self.most_negative, self.least_certain):
            extremes.add(batch, first)

    def _count(self, batch: pa.RecordBatch) -> None:
        table = pa.table(
            {
                "by": batch["by"],
                "sentiment": batch["sentiment"],
                "polarity": batch["polarity"].cast(pa.float64()),
            }
        )
        counted = table.group_by(["by", "sentiment"], use_threads=False).aggregate(
            [([], "count_all"), ("polarity", "sum"), ("polarity", "count")]
        )
        for row in counted.to_pylist():
            label, rows = row["sentiment"], row["count_all"]
            labels = Counter({label: rows} if label is not None else {})
            group = Group(rows, labels, row["polarity_sum"] or 0.0, row["polarity_count"])
            self.groups[row["by"]].add(group)
            self.total.add(group)
        if len(self.groups) > _MAX_GROUPS:
            raise UsageError(f"--by has more than {_MAX_GROUPS:,} different values: choose a column with fewer")
        if len(self.total.labels) > _MAX_LABELS:
            raise BadDataError(f"more than {_MAX_LABELS:,} different labels: not what score writes")


def _counts(values: pa.Array) -> dict[str, int]:
    return {item["values"]: item["counts"] for item in pc.value_counts(values.drop_null()).to_pylist()}


def share(part: int, whole: int) -> float:
    """Return part / whole, in [0, 1]; 0 if `whole` is 0."""
    return part / whole if whole else 0.0
