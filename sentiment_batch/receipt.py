"""What went in and what came out, written last: where it stands, every row is accounted for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment_batch.durable import writing
from sentiment_batch.errors import BadDataError, NoInputError
from sentiment_batch.journal import Commit, Tally
from sentiment_batch.locations import Location, first_line
from sentiment_batch.output import Output, publish

SCHEMA_VERSION = 1


def make_receipt(
    output: Output, run: Mapping[str, Any], commits: Sequence[Commit], columns: list[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Of a finished run: what it was, its parts, its output, and `facts` of this process; raises OSError."""
    tally = sum((commit.tally for commit in commits), Tally())
    return {
        "schema_version": SCHEMA_VERSION,
        **run,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows_in": tally.rows_in,
        **asdict(tally),
        **facts,
        "parts": [
            {
                "rows": commit.tally.rows_in,
                "content_sha256": commit.content_sha256,
                "sha256": commit.part_sha256,
                "crashed_rows": commit.crashed_rows,
            }
            for commit in commits
        ],
        "output": output.describe() | {"columns": columns},
        "rejects": Output(output.rejects).describe() if tally.rows_rejected else None,
    }


def write_receipt(target: Location, receipt: Mapping[str, Any], temporary: Path) -> None:
    """Put a receipt in its place, by way of a path on this machine; raises OSError."""
    with writing(temporary) as stream:
        stream.write(json.dumps(receipt, ensure_ascii=False, indent=2).encode("utf-8") + b"\n")
    publish(temporary, target)


def read_receipt(target: Location) -> dict[str, Any]:
    """Raises NoInputError if there is none, BadDataError if it is not one."""
    name = target.file_name
    try:
        with target.filesystem.open_input_stream(target.path) as stream:
            receipt = json.loads(stream.read())
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else first_line(error)
        raise NoInputError(f"{name}: {reason}: only a finished run leaves a receipt") from error
    except ValueError as error:
        raise BadDataError(f"{name} is not a receipt: {error}") from error
    if not isinstance(receipt, dict) or receipt.get("schema_version") != SCHEMA_VERSION:
        raise BadDataError(f"{name} is not a receipt that this version can read")
    return receipt
