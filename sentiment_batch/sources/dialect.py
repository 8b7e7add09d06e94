"""How delimited files are written: delimiter, quote character, encoding and size limit."""

import codecs
from dataclasses import dataclass

from sentiment_batch.errors import UsageError

_MAX_FIELD_BYTES = 100 * 2**20

# Includes escape sequences, to rule out encodings that decode something else to a line break.
_ASCII = bytes(range(128)).replace(b"\\", rb"\n\u000a")


@dataclass(frozen=True)
class Dialect:
    """How an input is written; raises UsageError for invalid settings.

    `delimiter`: None for that of the file's suffix. `quote`: None for no quoting. `encoding`: any superset of ASCII.
    `max_field_bytes`: a longer field, JSON line or Parquet text is rejected, and so is a delimited record more than
    four times as long.
    """

    delimiter: str | None = None
    quote: str | None = '"'
    encoding: str = "utf-8"
    max_field_bytes: int = 16 * 2**20

    @property
    def non_utf8_encoding(self) -> str | None:
        """The encoding as in `Reject`: None for UTF-8, with or without a BOM, which is not part of any record."""
        return None if codecs.lookup(self.encoding).name.startswith("utf-8") else self.encoding

    def __post_init__(self) -> None:
        for option, character in (("--delimiter", self.delimiter), ("--quote", self.quote)):
            if character is not None and (len(character) != 1 or character in "\r\n"):
                raise UsageError(f"{option} is one character, not {character!r}")
        if self.quote is not None and self.quote == self.delimiter:
            raise UsageError(f"--delimiter and --quote are both {self.quote!r}: choose another")
        if not 0 < self.max_field_bytes <= _MAX_FIELD_BYTES:
            raise UsageError(f"--max-field-bytes is a number from 1 to {_MAX_FIELD_BYTES}")
        if not _extends_ascii(self.encoding):
            raise UsageError(f"--encoding {self.encoding}: not a known extension of ASCII: convert the file with iconv")


def _extends_ascii(encoding: str) -> bool:
    try:
        return _ASCII.decode(encoding, "replace") == _ASCII.decode("ascii")
    except (LookupError, ValueError):
        return False


# For files that `score` wrote: an output row is longer than the record it was made from.
OUTPUT_DIALECT = Dialect(max_field_bytes=_MAX_FIELD_BYTES)
