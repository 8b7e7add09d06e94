"""How delimited fields are written down."""

import codecs
from dataclasses import dataclass

from sentiment_batch.errors import UsageError

_MAX_FIELD_BYTES = 100 * 2**20

# Escapes too, so that no encoding makes a line's end out of something else.
_ASCII = bytes(range(128)).replace(b"\\", rb"\n\u000a")


@dataclass(frozen=True)
class Dialect:
    """`delimiter` None: what the file's name tells. `quote` None: no quoting. `encoding`: any that extends ASCII.

    `max_field_bytes`: a longer field, line of JSON or text in Parquet is rejected, and so is a delimited record of more
    than four times as many.
    Raises UsageError for what does not fit together.
    """

    delimiter: str | None = None
    quote: str | None = '"'
    encoding: str = "utf-8"
    max_field_bytes: int = 16 * 2**20

    @property
    def encoding_but_utf8(self) -> str | None:
        """As a Reject has it; the mark at the beginning of a file is no part of a record."""
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


# Of what `score` wrote: a row of an output holds more than the record that it was made of.
OUTPUT_DIALECT = Dialect(max_field_bytes=_MAX_FIELD_BYTES)
