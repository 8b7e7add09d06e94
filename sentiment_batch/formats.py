"""What a file's name says about its contents, and whether it can be opened by it."""

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


# The delimiters of delimited formats.
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
        """Return the type that the suffixes of `name` imply; raises UsageError for unknown ones."""
        stem, _, suffix = name.lower().rpartition(".")
        compression = _COMPRESSIONS.get(suffix, Compression.NONE)
        if compression:
            suffix = stem.rpartition(".")[2]
        if suffix not in _SUFFIXES:
            raise UsageError(f"{name}: not one of .parquet, .csv, .tsv, .jsonl (also with .gz or .zst)")
        return cls(_SUFFIXES[suffix], compression)

    def stem(self, name: str) -> str:
        """Return `name`, that of a file of this type, without its suffixes."""
        return name.rsplit(".", 2 if self.compression else 1)[0]

    @property
    def suffix(self) -> str:
        """The suffix for names of files of this type."""
        return f".{self.format}" + (f".{self.compression}" if self.compression else "")


def is_known(name: str) -> bool:
    """Return whether `FileType.of` knows the type."""
    try:
        FileType.of(name)
    except UsageError:
        return False
    return True


def require_utf8(name: str) -> str:
    """Return the name; raises UsageError for one that is not UTF-8, which Arrow and ONNX Runtime do not take."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"{name}: the name is not UTF-8: rename it") from error
    return name
