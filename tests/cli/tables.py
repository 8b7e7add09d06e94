"""Rows to files and back, without the project's own readers and writers."""

import csv
import io
import json
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from support import compressed, decompressed

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
    path.write_bytes(compressed(_encode(rows, path.name.split(".")[1]), path.suffix[1:]))
    return path


def read_table(path: Path) -> list[Row]:
    """Return the rows of a file of any of the formats."""
    return decode(decompressed(path), next(suffix for suffix in path.name.split(".")[1:] if suffix != "scored"))


def read_rejects(output: Path) -> list[Row]:
    """Return the records that were rejected while this output was written."""
    path = output.with_name(f"{output.name}.rejects.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def raw_bytes(reject: Row) -> bytes:
    return b64decode(reject["raw_base64"]) if "raw_base64" in reject else str(reject["raw"]).encode()


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
