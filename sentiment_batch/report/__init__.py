"""A scored output as one page to look at: read in a stream, counted, rendered."""

from sentiment_batch.report.page import render
from sentiment_batch.report.rows import ScoredRows
from sentiment_batch.report.shifts import Shifts
from sentiment_batch.report.statistics import Statistics

__all__ = ["ScoredRows", "Shifts", "Statistics", "render"]
