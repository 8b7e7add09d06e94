"""Reads files to their end and prints a line of JSON for each: what came of it.

Standard input names them: a JSON list of pairs of a path and the name of the text column, or null. It is a separate
process, so that a crash ends no other.
"""

import json
import re
import sys
from pathlib import Path

from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, open_source


def read(name: str, text_column: str | None) -> dict[str, int | str]:
    try:
        source = open_source(Location.parse(name), SourceOptions(text_column))
        rows = rejects = 0
        for chunk in source.chunks():
            rows += len(chunk)
            rejects += len(chunk.rejects)
        source.close()
    except SentimentBatchError as error:
        return {"code": error.exit_code, "message": str(error)}
    return {"code": 0, "rows": rows, "rejects": rejects}


def peak_bytes() -> int:
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


for path, column in json.load(sys.stdin):
    print(json.dumps(read(path, column) | {"peak_bytes": peak_bytes()}))
