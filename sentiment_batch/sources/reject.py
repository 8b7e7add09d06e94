"""Records that cannot be read, with their position and their original bytes."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import msgspec


@dataclass(frozen=True, kw_only=True)
class Reject:
    """An unreadable record: where it is, what is wrong with it, and its bytes.

    `source`: the input's name as the user gave it. `line`: its first physical line in the decompressed file, from 1.
    `offset`: that of its first byte there. `row_group`, `row`: for Parquet, both from 0, the row within its group.
    `reason`: one short line that quotes nothing of the record. `raw`: the record's physical lines with their endings,
    or the text of a Parquet row. `encoding`: that of the text, None for UTF-8. `shortened`: whether `raw` is only the
    beginning of a line or text that is too long to keep.
    """

    source: str
    line: int | None = None
    offset: int | None = None
    row_group: int | None = None
    row: int | None = None
    reason: str
    encoding: str | None = None
    shortened: bool | None = None
    raw: bytes

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Build a reject from a parsed line of JSON; raises ValueError if it does not hold one."""
        try:
            if "raw" in record:
                raw = record["raw"].encode(record.get("encoding") or "utf-8")
            else:
                raw = b64decode(record["raw_base64"], validate=True)
        except (AttributeError, KeyError, LookupError, TypeError) as error:
            raise ValueError("raw (or raw_base64) must be text in a known encoding") from error
        return msgspec.convert({**record, "raw": raw}, cls)

    def __str__(self) -> str:
        """One line for a message."""
        place = f"row group {self.row_group}, row {self.row}" if self.line is None else f"line {self.line}"
        return f"{self.source}: {place}: {self.reason}"

    def place(self) -> tuple[int, int, int]:
        """Return the key that sorts the rejects of one source into input order."""
        return self.line or 0, self.row_group or 0, self.row or 0

    def record(self) -> dict[str, Any]:
        """Return the members for a line of JSON, omitting None: `raw` as text, or `raw_base64` if it is not text."""
        facts = {name: value for name, value in asdict(self).items() if value is not None}
        encoding = self.encoding or "utf-8"
        try:
            text = self.raw.decode(encoding)
            if text.encode(encoding) == self.raw:
                return facts | {"raw": text}
        except UnicodeError:
            pass
        del facts["raw"]
        return facts | {"raw_base64": b64encode(self.raw).decode("ascii")}
