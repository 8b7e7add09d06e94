"""What went in and what came out, written last: where it stands, every row is accounted for."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment_batch.bundle import sha256_of
from sentiment_batch.durable import replacing, sync_folder
from sentiment_batch.errors import BadDataError, NoInputError
from sentiment_batch.journal import Commit, Tally
from sentiment_batch.locations import REJECTS

RECEIPT = ".receipt.json"
SCHEMA_VERSION = 1


def receipt_path(target: Path) -> Path:
    return target.with_name(target.name + RECEIPT)


def has_receipt(target: Path) -> bool:
    return receipt_path(target).is_file()


def rejects_path(target: Path) -> Path:
    return target.with_name(target.name + REJECTS)


def withdraw(target: Path) -> None:
    """Remove the receipt of an output that is about to be replaced; raises OSError."""
    receipt_path(target).unlink(missing_ok=True)
    sync_folder(target.parent)


def write_receipt(
    target: Path,
    run: Mapping[str, Any],
    commits: list[Commit],
    columns: list[str],
    facts: Mapping[str, Any],
    temporary: Path,
) -> None:
    """Write down a finished run: what it was, its parts, its output, and `facts` of this process; raises OSError."""
    tally = sum((commit.tally for commit in commits), Tally())
    rejects = rejects_path(target)
    receipt = {
        "schema_version": SCHEMA_VERSION,
        **run,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows_in": tally.rows_in,
        **asdict(tally),
        **facts,
        "parts": [
            {"rows": commit.tally.rows_in, "content_sha256": commit.content_sha256, "sha256": commit.part_sha256}
            for commit in commits
        ],
        "output": _describe(target) | {"columns": columns},
        "rejects": _describe(rejects) if tally.rows_rejected else None,
    }
    with replacing(receipt_path(target), temporary) as stream:
        stream.write(json.dumps(receipt, ensure_ascii=False, indent=2).encode("utf-8") + b"\n")


def read_receipt(target: Path) -> dict[str, Any]:
    """The receipt of an output; raises NoInputError if there is none, BadDataError if it is not one."""
    path = receipt_path(target)
    try:
        receipt = json.loads(path.read_bytes())
    except OSError as error:
        raise NoInputError(f"{path.name}: {error.strerror}: only a finished run leaves a receipt") from error
    except ValueError as error:
        raise BadDataError(f"{path.name} is not a receipt: {error}") from error
    if not isinstance(receipt, dict) or receipt.get("schema_version") != SCHEMA_VERSION:
        raise BadDataError(f"{path.name} is not a receipt that this version can read")
    return receipt


def _describe(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
