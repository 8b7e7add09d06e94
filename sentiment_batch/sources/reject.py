"""A record that cannot be read, as it stood and where."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import msgspec


@dataclass(frozen=True, kw_only=True)
class Reject:
    """Where the record stands, what is wrong with it, and its bytes.

    `source`: the input's name as the user gave it. `line`: its first physical line in the decompressed file, from 1.
    `offset`: of its first byte there. `row_group`, `row`: in Parquet, both from 0, the row within its group.
    `reason`: one short line without any text of the record. `raw`: the record's physical lines with their ends, or
    the text of a Parquet row. `encoding`: what its text is written in, None for UTF-8. `shortened`: `raw` is only the
    beginning of a line that is too long to be held.
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
        """The reject that a line of JSON holds; raises ValueError if it holds none."""
        try:
            if "raw" in record:
                raw = record["raw"].encode(record.get("encoding") or "utf-8")
            else:
                raw = b64decode(record["raw_base64"], validate=True)
        except (AttributeError, KeyError, LookupError, TypeError) as error:
            raise ValueError("raw (or raw_base64), a text, is needed, in an encoding that is known") from error
        return msgspec.convert({**record, "raw": raw}, cls)

    def __str__(self) -> str:
        """One line for a message."""
        place = f"row group {self.row_group}, row {self.row}" if self.line is None else f"line {self.line}"
        return f"{self.source}: {place}: {self.reason}"

    def place(self) -> tuple[int, int, int]:
        """By which the rejects of one source are in order."""
        return self.line or 0, self.row_group or 0, self.row or 0

    def record(self) -> dict[str, Any]:
        """What a line of JSON holds: the attributes but for None, `raw` as text, or as `raw_base64` if it is none."""
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
