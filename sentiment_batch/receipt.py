"""What went in and what came out, written last: where it stands, every row is accounted for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment_batch.durable import writing
from sentiment_batch.errors import BadDataError, NoInputError, first_line
from sentiment_batch.journal import Commit, Tally
from sentiment_batch.locations import Location
from sentiment_batch.output import Output

SCHEMA_VERSION = 1


def make_receipt(
    output: Output, run: Mapping[str, Any], commits: Sequence[Commit], columns: list[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Of a finished run: what it was, its parts, its output, and `facts` of this process; raises OSError."""
    tally = sum((commit.tally for commit in commits), Tally())
    return {
        "schema_version": SCHEMA_VERSION,
        **run,
        "finished": _now(),
        **tally.record(),
        **facts,
        "parts": _describe_parts(commits),
        "output": output.describe() | {"columns": columns},
        "rejects": Output(output.rejects).describe() if tally.rows_rejected else None,
    }


def extend_receipt(
    receipt: Mapping[str, Any], run: Mapping[str, Any], commits: Sequence[Commit], output: Output, rejects: Output
) -> dict[str, Any]:
    """The receipt of an output to which mended records were added; raises OSError.

    `output` and `rejects` are what is about to take the place of those that the receipt speaks of.
    """
    tally = sum((commit.tally for commit in commits), Tally())
    total = replace(Tally.from_record(receipt) + tally, rows_rejected=tally.rows_rejected)
    retry = {
        "run": run["run"],
        "started": run["started"],
        "finished": _now(),
        "rows": tally.rows_scored + tally.rows_unscorable,
        "parts": _describe_parts(commits),
    }
    return {
        **receipt,
        **total.record(),
        "retries": [*receipt.get("retries", []), retry],
        "output": {**receipt["output"], **output.describe(), "name": receipt["output"]["name"]},
        "rejects": {**rejects.describe(), "name": receipt["rejects"]["name"]} if tally.rows_rejected else None,
    }


def write_receipt(path: Path, receipt: Mapping[str, Any]) -> None:
    """To a file of this machine, from which it can be published; raises OSError."""
    with writing(path) as stream:
        stream.write(json.dumps(receipt, ensure_ascii=False, indent=2).encode("utf-8") + b"\n")


def read_receipt(target: Location) -> dict[str, Any]:
    """Raises NoInputError if there is none, BadDataError if it is not one."""
    name = target.file_name
    try:
        with target.open() as stream:
            receipt = json.loads(stream.read())
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else first_line(error)
        raise NoInputError(f"{name}: {reason}: only a finished run leaves a receipt") from error
    except (RecursionError, ValueError) as error:
        raise BadDataError(f"{name} is not a receipt: {error}") from error
    if not isinstance(receipt, dict) or receipt.get("schema_version") != SCHEMA_VERSION:
        raise BadDataError(f"{name} is not a receipt that this version can read")
    return receipt


def _describe_parts(commits: Sequence[Commit]) -> list[dict[str, Any]]:
    return [
        {
            "rows": commit.tally.rows_in,
            "content_sha256": commit.content_sha256,
            "sha256": commit.part_sha256,
            "crashed_rows": commit.crashed_rows,
        }
        for commit in commits
    ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
