"""Whatever changes the result of a job: while it is the same, unfinished work may be continued."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import onnxruntime

from sentiment_batch.jobs import Job
from sentiment_batch.locations import Location
from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.scoring import Scorer
from sentiment_batch.sources import SourceOptions

_PACKAGES = ("sentiment-batch", "tokenizers", "numpy", "pyarrow")


def identity_of(
    job: Job, scorer: Scorer, options: SourceOptions, columns: PredictionColumns, *, guard_formulas: bool
) -> dict[str, Any]:
    """Inputs, model, options and versions, as JSON reads them back; raises InputOutputError."""
    identity = {
        "inputs": fingerprints(job.inputs),
        "model_sha256": scorer.bundle.sha256,
        "options": {
            **asdict(options),
            "max_tokens": scorer.options.max_tokens,
            "long_text": scorer.options.long_text,
            "provider": scorer.provider,
            "prefix": columns.prefix,
            "probabilities": columns.probabilities,
            "guard_formulas": guard_formulas,
        },
        "versions": versions(),
    }
    as_read: dict[str, Any] = json.loads(json.dumps(identity))
    return as_read


def changes(run: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """What of `identity` has changed since an earlier `run`, in words."""
    found = []
    for name, now in identity.items():
        before = run.get(name)
        if isinstance(now, dict) and isinstance(before, dict):
            found += [
                f"{key} was {before.get(key)}, is {value}" for key, value in now.items() if before.get(key) != value
            ]
        elif before != now:
            found.append(f"the {name.replace('_', ' ')} changed")
    return found


def versions() -> dict[str, str]:
    """The versions of the packages that the result depends on."""
    # The wheel for GPUs has another name.
    return {name: version(name) for name in _PACKAGES} | {"onnxruntime": onnxruntime.__version__}


def fingerprints(inputs: Sequence[Location]) -> list[dict[str, Any]]:
    """What tells whether a file is still the same: name, size in bytes and time of the last change.

    Raises InputOutputError for one that cannot be asked about.
    """
    return [{"name": location.name} if location.is_standard_stream else _fingerprint(location) for location in inputs]


def _fingerprint(location: Location) -> dict[str, Any]:
    info = location.info()
    # A link keeps its own name: by its suffix it is read, and the file behind it may have another, or none.
    local = f"{location.parent().real_path().rstrip('/')}/{location.file_name}"
    return {
        "name": local if location.is_local else location.name,
        "bytes": info.size,
        "modified_ns": info.mtime_ns,
    }
