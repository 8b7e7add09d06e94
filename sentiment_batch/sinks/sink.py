"""What every sink offers, whatever the format."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa


class Sink(Protocol):
    """Takes rows in order. Closing completes the file; the underlying stream stays open."""

    def write(self, records: pa.RecordBatch, predictions: pa.RecordBatch, lines: Sequence[str] | None) -> None:
        """Write N rows: kept columns, added columns and, for JSON objects kept verbatim, their text."""
        ...

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Leave the file incomplete."""
        ...
