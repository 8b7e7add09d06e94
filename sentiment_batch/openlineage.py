"""Runs as OpenLineage events, one JSON object per line in an append-only file.

https://openlineage.io/docs/spec/object-model. Each output has its own run in each process that works on it: START, then
COMPLETE, FAIL or ABORT; a process that is killed leaves only its START.
"""

import json
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sentiment_batch.errors import CannotWriteError
from sentiment_batch.locations import plain_name

_SPECIFICATION = "https://openlineage.io/spec"
_ENDS = {"finished": "COMPLETE", "failed": "FAIL", "stopped": "ABORT"}


class OpenLineageFile(logging.Handler):
    """Writes the events that `events.tell` emits about runs; calls `warn` if one cannot be written.

    As for other programs, the variable OPENLINEAGE_NAMESPACE sets the namespace of the job.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        """Check that the file can be written; raises CannotWriteError."""
        super().__init__(logging.INFO)
        self._path = path
        self._warn = warn
        self._producer = f"urn:sentiment-batch:{version('sentiment-batch')}"
        self._run: str | None = None
        self._inputs: list[dict[str, Any]] = []
        self._output: dict[str, Any] = {}
        try:
            with path.open("ab"):
                pass
        except OSError as error:
            raise CannotWriteError(f"{path}: {error.strerror}") from error

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = record.__dict__["facts"]
        if record.msg == "started":
            self._run = str(uuid.uuid4())
            self._inputs = [dataset(name) for name in facts["inputs"]]
            fields = [{"name": name, "type": kind} for name, kind in facts["columns"].items()]
            schema = self._facet("facets/1-2-0/SchemaDatasetFacet.json", {"fields": fields})
            self._output = dataset(facts["output"]) | {"facets": {"schema": schema}}
            self._write("START", record, {})
        elif self._run and record.msg in _ENDS:
            run_facets = {}
            if record.msg == "finished":
                statistics = {"rowCount": facts["rows_scored"] + facts["rows_unscorable"]}
                facet = self._facet("facets/1-0-2/OutputStatisticsOutputDatasetFacet.json", statistics)
                self._output["outputFacets"] = {"outputStatistics": facet}
            else:
                error = {"message": facts["message"], "programmingLanguage": "Python"}
                run_facets["errorMessage"] = self._facet("facets/1-0-1/ErrorMessageRunFacet.json", error)
            self._write(_ENDS[record.msg], record, run_facets)
            self._run = None

    def _write(self, kind: str, record: logging.LogRecord, run_facets: Mapping[str, Any]) -> None:
        event = {
            "eventType": kind,
            "eventTime": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "run": {"runId": self._run, "facets": run_facets},
            "job": {"namespace": os.environ.get("OPENLINEAGE_NAMESPACE", "default"), "name": "sentiment-batch.score"},
            "inputs": self._inputs,
            "outputs": [self._output],
            "producer": self._producer,
            "schemaURL": f"{_SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }
        try:
            with self._path.open("ab", buffering=0) as stream:  # in one call, so that lines of two processes do not mix
                stream.write(json.dumps(event).encode("utf-8") + b"\n")
        except OSError as error:
            self._warn(f"{self._path}: {error.strerror}: an event could not be written")

    def _facet(self, schema: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {"_producer": self._producer, "_schemaURL": f"{_SPECIFICATION}/{schema}", **facts}


def dataset(name: str) -> dict[str, Any]:
    """Name a file as OpenLineage does: the store, and the path in it."""
    scheme, separator, rest = plain_name(name).partition("://")
    if not separator or scheme == "file":
        return {"namespace": "file", "name": "/dev/stdin" if name == "-" else str(Path(rest or name).absolute())}
    bucket, _, key = rest.partition("/")
    return {"namespace": f"{scheme}://{bucket}", "name": key}
