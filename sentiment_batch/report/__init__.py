"""A one-page report on a scored output, which is read as a stream."""

from sentiment_batch.report.page import render
from sentiment_batch.report.rows import ScoredRows
from sentiment_batch.report.shifts import Shifts
from sentiment_batch.report.statistics import Statistics

__all__ = ["ScoredRows", "Shifts", "Statistics", "render"]
