"""What a run accounts for in its receipt: every row, in all that it has committed and published."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from sentiment_batch.journal import Commit, Tally
from sentiment_batch.output import Output
from sentiment_batch.receipt import SCHEMA_VERSION, Receipt
from sentiment_batch.staging import Staging


def make_receipt(output: Output, staging: Staging, columns: list[str], facts: Mapping[str, Any]) -> Receipt:
    """The receipt of a finished run: what it was, its parts and output, and `facts` on this process; raises OSError."""
    tally = staging.tally
    receipt = {
        "schema_version": SCHEMA_VERSION,
        **staging.run,
        "finished": _now(),
        **tally.record(),
        **facts,
        "parts": _describe_parts(staging.commits),
        "output": output.describe() | {"columns": columns},
        "rejects": Output(output.rejects).describe() if tally.rows_rejected else None,
    }
    return cast(Receipt, receipt)


def extend_receipt(receipt: Receipt, staging: Staging) -> Receipt:
    """The receipt of an output to which mended records were added, as it is about to be published; raises OSError."""
    tally, output, rejects = staging.tally, staging.unpublished("output"), staging.unpublished("rejects")
    total = replace(Tally.from_record(receipt) + tally, rows_rejected=tally.rows_rejected)
    retry = {
        "run": staging.run["run"],
        "started": staging.run["started"],
        "finished": _now(),
        "rows": tally.rows_scored + tally.rows_unscorable,
        "parts": _describe_parts(staging.commits),
    }
    before = receipt["rejects"]
    extended = {
        **receipt,
        **total.record(),
        "retries": [*receipt.get("retries", []), retry],
        "output": {**receipt["output"], **output.describe(), "name": receipt["output"]["name"]},
        "rejects": {**rejects.describe(), "name": before["name"]} if before and tally.rows_rejected else None,
    }
    return cast(Receipt, extended)


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
