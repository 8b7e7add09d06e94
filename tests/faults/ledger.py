"""The counts of all fault checks, as a table for the end of the tests."""

from collections import defaultdict
from dataclasses import dataclass, fields


@dataclass
class Entry:
    """The counts of all runs disturbed by one kind of fault."""

    runs: int = 0
    lost_rows: int = 0
    doubled_rows: int = 0
    torn_outputs: int = 0


class Ledger:
    def __init__(self) -> None:
        self._entries: defaultdict[str, Entry] = defaultdict(Entry)

    def add(self, fault: str, entry: Entry) -> None:
        total = self._entries[fault]
        for field in fields(Entry):
            setattr(total, field.name, getattr(total, field.name) + getattr(entry, field.name))

    def table(self) -> list[str]:
        """Return the lines of the table; none if nothing was counted."""
        names = [field.name for field in fields(Entry)]
        rows = [
            ["fault", *(name.replace("_", " ") for name in names)],
            *([fault, *(str(getattr(entry, name)) for name in names)] for fault, entry in self._entries.items()),
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return lines if self._entries else []
