"""What a run has finished, so that the same command again continues: one JSON object a line, in a file that only grows.

The first line says what the run is; each further one, a commit, that a chunk is done. A line that a crash cut short
is no line: its chunk is done again.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from sentiment_batch.distribution import Distribution
from sentiment_batch.durable import DurableFile, replacing
from sentiment_batch.errors import ConfigurationError


@dataclass(frozen=True)
class Tally:
    """What became of some rows. Every row read is in one of the first three in the end."""

    rows_scored: int = 0
    rows_unscorable: int = 0
    rows_rejected: int = 0
    tokens: int = 0
    padding_tokens: int = 0
    distribution: Distribution = field(default_factory=Distribution)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """What `record` was made of; it may hold other entries too."""
        counts = {entry.name: record[entry.name] for entry in fields(cls)}
        return cls(**counts | {"distribution": Distribution.from_record(record["distribution"], record["tokens"])})

    @property
    def rows_in(self) -> int:
        return self.rows_scored + self.rows_unscorable + self.rows_rejected

    @property
    def rows(self) -> dict[str, int]:
        """The number of rows by what became of them."""
        return {name: getattr(self, name) for name in ("rows_scored", "rows_unscorable", "rows_rejected")}

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, entry.name) + getattr(other, entry.name) for entry in fields(self)))

    def record(self) -> dict[str, Any]:
        """For receipts and summaries."""
        counts = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {"rows_in": self.rows_in, **counts, "distribution": self.distribution.record(self.tokens)}


@dataclass(frozen=True)
class Commit:
    """A chunk, by its place in the input from 0, that is done: hashes of what was read and of its part, and a tally.

    `crashed_rows`: those of the chunk, from 0, that were rejected because scoring them ends the process.
    """

    chunk: int
    content_sha256: str
    part_sha256: str
    tally: Tally
    crashed_rows: list[int] = field(default_factory=list)


@dataclass
class Journal:
    """`run` is the first line, `commits` are by chunk; the last commit of a chunk counts.

    `published_sha256`: of the output that was about to take its place, once all parts were in it; `rejects_sha256`: of
    its rejects file, and of the one in whose place that was put. `stopped`: whether the last process said that it
    stopped, and did not just die.
    """

    path: Path
    run: dict[str, Any]
    commits: dict[int, Commit] = field(default_factory=dict)
    published_sha256: str | None = None
    rejects_sha256: list[str] = field(default_factory=list)
    stopped: bool = False

    @classmethod
    def create(cls, path: Path, run: Mapping[str, Any]) -> Self:
        """Begin a journal, in the place of any other; raises OSError."""
        with replacing(path) as stream:
            stream.write(_line(run))
        return cls(path, dict(run))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The journal at `path`, without a torn tail; None if there is none.

        Raises OSError, and ConfigurationError for one that another version wrote.
        """
        lines = _whole_lines(path)
        if not lines:
            return None
        journal = cls(path, json.loads(lines[0]))
        try:
            for value in map(json.loads, lines[1:]):
                journal._read_line(value)
        except (AttributeError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{path}: an unfinished run of another version: finish it with that, or start over with --restart"
            ) from error
        return journal

    def _read_line(self, value: dict[str, Any]) -> None:
        self.stopped = "stopped" in value
        if "published_sha256" in value:
            self.published_sha256, self.rejects_sha256 = value["published_sha256"], value["rejects_sha256"]
        elif not self.stopped:
            tally = value["tally"]
            distribution = Distribution(**tally["distribution"])
            commit = Commit(**value | {"tally": Tally(**tally | {"distribution": distribution})})
            self.commits[commit.chunk] = commit

    def cut_torn_tail(self) -> None:
        """Make room for the next line; raises OSError."""
        os.truncate(self.path, sum(map(len, _whole_lines(self.path))))

    def add(self, commit: Commit) -> None:
        """Write a commit; when this returns, it stays. Raises OSError."""
        self._append(asdict(commit))
        self.commits[commit.chunk] = commit

    def record_output(self, sha256: str, rejects_sha256: list[str]) -> None:
        """Write down which output and rejects are about to appear; raises OSError."""
        self._append({"published_sha256": sha256, "rejects_sha256": rejects_sha256})
        self.published_sha256, self.rejects_sha256 = sha256, rejects_sha256

    def record_stop(self) -> None:
        """Write down that the process is about to end, and of its own will; raises OSError."""
        self._append({"stopped": True})
        self.stopped = True

    def _append(self, value: Mapping[str, Any]) -> None:
        line = _line(value)
        with DurableFile(self.path, "ab") as file:
            while line:  # a disk that is nearly full takes a part of it
                line = line[file.write(line) :]
            file.sync()


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"


def _whole_lines(path: Path) -> list[bytes]:
    """The lines before the first that is none."""
    lines: list[bytes] = []
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else []:
        try:
            whole = line.endswith(b"\n") and isinstance(json.loads(line), dict)
        except ValueError:
            whole = False
        if not whole:
            break
        lines.append(line)
    return lines
