"""What a file's name says about its contents."""

from enum import StrEnum
from typing import NamedTuple

from sentiment_batch.errors import UsageError


class Format(StrEnum):
    PARQUET = "parquet"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"


class Compression(StrEnum):
    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


# Of the formats that are records of delimited fields.
DELIMITERS = {Format.CSV: ",", Format.TSV: "\t"}

_SUFFIXES = {
    "parquet": Format.PARQUET,
    "pq": Format.PARQUET,
    "csv": Format.CSV,
    "tsv": Format.TSV,
    "tab": Format.TSV,
    "jsonl": Format.JSONL,
    "ndjson": Format.JSONL,
}
_COMPRESSIONS = {"gz": Compression.GZIP, "zst": Compression.ZSTD, "zstd": Compression.ZSTD}


class FileType(NamedTuple):
    """A format, and the compression of the file as a whole (not that of Parquet's pages)."""

    format: Format
    compression: Compression

    @classmethod
    def of(cls, name: str) -> "FileType":
        """The type that `name`'s suffixes tell; raises UsageError for one that is not known."""
        stem, _, suffix = name.lower().rpartition(".")
        compression = _COMPRESSIONS.get(suffix, Compression.NONE)
        if compression:
            suffix = stem.rpartition(".")[2]
        if suffix not in _SUFFIXES:
            raise UsageError(f"{name}: not one of .parquet, .csv, .tsv, .jsonl (also with .gz or .zst)")
        return cls(_SUFFIXES[suffix], compression)

    def stem(self, name: str) -> str:
        """Of a file of this type, its name without the suffixes."""
        return name.rsplit(".", 2 if self.compression else 1)[0]

    @property
    def suffix(self) -> str:
        """What a file of this type has at the end of its name."""
        return f".{self.format}" + (f".{self.compression}" if self.compression else "")


def is_known(name: str) -> bool:
    """Whether `FileType.of` can tell the type."""
    try:
        FileType.of(name)
    except UsageError:
        return False
    return True
