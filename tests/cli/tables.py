"""Rows to files and back, without the project's own readers and writers."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

REVIEWS: list[Row] = [
    {"id": "007", "text": "a good movie, really good", "stars": "5"},
    {"id": "2", "text": 'bad\nand "bad" again', "stars": "1.0"},
    {"id": "3", "text": "", "stars": "NA"},
    {"id": "4", "text": "schön gut 👍", "stars": ""},
]
ADDED = ["sentiment", "confidence", "polarity", "n_tokens", "truncated", "sentiment_error"]

# More than a pipe (64 KiB) and a reader's buffers hold: a process that has taken in this CSV is past the header.
MORE_THAN_A_PIPE_HOLDS = b"text\n" + b"good and bad and neither here nor there\n" * 8000

def write_table(path: Path, rows: Sequence[Row] = REVIEWS) -> Path:
    """Write the rows in the format and compression that the file name indicates."""
    suffixes = path.name.split(".")[1:]
    content = _encode(rows, suffixes[0])
    match suffixes[1:]:
        case ["gz"]:
            content = gzip.compress(content)
        case ["zst"]:
            content = pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)
    return path


def read_table(path: Path) -> list[Row]:
    """Return the rows of a file of any of the formats."""
    content = path.read_bytes()
    suffixes = [suffix for suffix in path.name.split(".")[1:] if suffix != "scored"]
    match suffixes[1:]:
        case ["gz"]:
            content = gzip.decompress(content)
        case ["zst"]:
            content = pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
    return decode(content, suffixes[0])


def decode(content: bytes, suffix: str) -> list[Row]:
    match suffix:
        case "parquet":
            rows: list[Row] = pq.read_table(io.BytesIO(content)).to_pylist()
            return rows
        case "jsonl":
            return [json.loads(line) for line in content.decode("utf-8").splitlines()]
    text = io.StringIO(content.decode("utf-8"), newline="")
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    return list(csv.DictReader(text, delimiter="," if suffix == "csv" else "\t"))


def _encode(rows: Sequence[Row], suffix: str) -> bytes:
    match suffix:
        case "parquet":
            buffer = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(list(rows)), buffer)
            return buffer.getvalue()
        case "jsonl":
            return "".join(json.dumps(row) + "\n" for row in rows).encode("utf-8")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter="," if suffix == "csv" else "\t")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")
