"""Reads each file named as an argument to its end, and prints a line of JSON for each: what came of it.

A process of its own: what it cannot survive ends no other.
"""

import json
import re
import sys
from pathlib import Path

from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.locations import Location
from sentiment_batch.sources import SourceOptions, open_source


def read(name: str) -> dict[str, int | str]:
    try:
        source = open_source(Location.parse(name), SourceOptions())
        chunks = list(source.chunks())
        source.close()
    except SentimentBatchError as error:
        return {"code": error.exit_code, "message": str(error)}
    return {"code": 0, "rows": sum(map(len, chunks)), "rejects": sum(len(chunk.rejects) for chunk in chunks)}


def peak_bytes() -> int:
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


for argument in sys.argv[1:]:
    print(json.dumps(read(argument) | {"peak_bytes": peak_bytes()}))
