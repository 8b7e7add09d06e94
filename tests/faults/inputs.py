"""The rows of a trial as files of every kind, each of many blocks."""

import hashlib
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from faults.trial import INPUT, ROWS, Input
from support import compressed


def _padded(row: str) -> str:
    """Return the row with text added that does not compress, so that a file takes many reads."""
    number, text, *rest = row.split(",")
    return ",".join([number, f"{text} {hashlib.sha256(number.encode()).hexdigest()}", *rest])


HEADER, *LINES = INPUT.splitlines()
PADDED = [_padded(line) for line in LINES]


def _csv() -> bytes:
    return "".join(f"{line}\n" for line in [HEADER, *PADDED]).encode()


def _jsonl() -> bytes:
    """Return the rows as JSON Lines; those with a field too many stay CSV, which is not JSON."""
    rows = (line.split(",") for line in PADDED)
    lines = [",".join(row) if row[2:] else json.dumps({"id": row[0], "text": row[1]}) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def parquet(*groups: list[str]) -> Input:
    """Return lines of CSV with each list as a row group; a row with a field too many gets a text that is not UTF-8."""
    content = io.BytesIO()
    with pq.ParquetWriter(content, pa.schema({"id": pa.string(), "text": pa.string()})) as file:
        for lines in groups:
            rows = [line.split(",") for line in lines]
            texts = [f"{row[0]},".encode() + b"\xff" if row[2:] else row[1].encode() for row in rows]
            column = pa.array(texts, pa.binary()).view(pa.string())
            file.write(pa.table({"id": [row[0] for row in rows], "text": column}))
    return Input("r.parquet", content.getvalue())


INPUTS = [
    Input("r.csv", _csv()),
    Input("r.csv.gz", compressed(_csv(), "gz")),
    Input("r.csv.zst", compressed(_csv(), "zst")),
    Input("r.jsonl", _jsonl()),
    parquet(*(PADDED[start : start + 4000] for start in range(0, ROWS, 4000))),
]
