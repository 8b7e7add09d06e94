"""Arrange groups in display order, no more than fit on a page."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Self

from sentiment_batch.report.statistics import Group, Statistics

_MAX_DAYS = 62
_MAX_VALUES = 40
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Length of the prefix of YYYY-MM-DD.
_UNITS = {"day": 10, "month": 7, "year": 4}


@dataclass(frozen=True)
class Grouping:
    """Groups of rows by the values of `column`.

    `unit`: "value", or for dates the finest of "day", "month" and "year" that does not give too many groups. `groups`:
    by name; dates in order, values by descending number of rows. `others`: all values beyond the largest,
    `other_values` in number. `missing`: rows without a value.
    """

    column: str
    unit: str
    groups: dict[str, Group]
    others: Group
    other_values: int
    missing: Group

    @classmethod
    def of(cls, found: Statistics, column: str) -> Self:
        named = {name: group for name, group in found.groups.items() if name}
        missing = Group()
        for name in (None, ""):
            if name in found.groups:
                missing.add(found.groups[name])
        if named and all(map(_DAY.fullmatch, named)):
            unit, groups = _by_time(named)
            return cls(column, unit, groups, Group(), 0, missing)
        largest = sorted(named, key=lambda name: (-named[name].rows, name))
        others = Group()
        for name in largest[_MAX_VALUES:]:
            others.add(named[name])
        shown = {name: named[name] for name in largest[:_MAX_VALUES]}
        return cls(column, "value", shown, others, len(largest) - len(shown), missing)


def _by_time(days: dict[str, Group]) -> tuple[str, dict[str, Group]]:
    lengths = {unit: len({day[:characters] for day in days}) for unit, characters in _UNITS.items()}
    unit = next((unit for unit, groups in lengths.items() if groups <= _MAX_DAYS), "year")
    groups: defaultdict[str, Group] = defaultdict(Group)
    for day in sorted(days):
        groups[day[: _UNITS[unit]]].add(days[day])
    return unit, dict(groups)
