"""The folder beside an output in which a run keeps what it has finished until the output is complete.

A chunk is committed in two steps: its part, synced under its name, then one line in the journal. Whatever stops the
run between two system calls, the journal never names a part that is not there.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sentiment_batch.durable import replacing
from sentiment_batch.hashing import sha256_of
from sentiment_batch.journal import Commit, Journal, Tally
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.parts import Part

JOURNAL = "journal.jsonl"


class Staging:
    """Open one with `resuming.staged`.

    `run` says what the run is, with its id and when it began; `was_killed`, whether the last process of it died, or
    ended in a way that nobody had thought of.
    """

    def __init__(self, folder: Path, journal: Journal, *, was_killed: bool) -> None:
        self._folder = folder
        self._journal = journal
        self.was_killed = was_killed

    @property
    def run(self) -> dict[str, Any]:
        return self._journal.run

    @property
    def commits(self) -> list[Commit]:
        """All commits, in the order of the input."""
        return [commit for _, commit in sorted(self._journal.commits.items())]

    @property
    def tally(self) -> Tally:
        """What became of the rows of all commits."""
        return sum((commit.tally for commit in self.commits), Tally())

    def finished(self, chunk: int) -> Commit | None:
        """The chunk's commit, if there is one and its part is what was committed."""
        commit = self._journal.commits.get(chunk)
        if commit is None:
            return None
        with suppress(OSError):
            if sha256_of(self._part(chunk)) == commit.part_sha256:
                return commit
        return None

    def commit(self, chunk: int, content_sha256: str, part: Part, tally: Tally, crashed_rows: Iterable[int]) -> None:
        """Keep a chunk's part for good; `crashed_rows`: see Commit. Raises OSError."""
        content = part.to_bytes()
        path = self._part(chunk)
        with replacing(path) as stream:
            stream.write(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self._journal.add(Commit(chunk, content_sha256, sha256, tally, list(crashed_rows)))

    def parts(self) -> Iterator[Part]:
        """All parts, in the order of the input."""
        for commit in self.commits:
            yield Part.from_bytes(self._part(commit.chunk).read_bytes())

    def file(self, name: str) -> Path:
        """Where to write a file that is to be published under another name."""
        return self._folder / name

    def unpublished(self, name: str) -> Output:
        """The file or folder that was written there."""
        return Output.at(Location.parse(str(self.file(name))))

    def record_output(self, rejects_before: str | None) -> None:
        """Write down that the finished output and rejects are about to appear; raises OSError.

        `rejects_before`: the sha256 of those in whose place the rejects go.
        """
        after = sha256_of(self.file("rejects"))
        self._journal.record_output(self.unpublished("output").describe()["sha256"], [rejects_before or after, after])

    def remove(self) -> None:
        """Remove the folder; raises OSError."""
        remove_folder(self._folder)

    def _part(self, chunk: int) -> Path:
        return self._folder / f"part-{chunk:05d}.arrow"


def staging_folder(output: Output) -> Path:
    """Where a run into `output` keeps what it has finished."""
    return output.base.with_name(f".{output.base.name}.staging")


def remove_folder(folder: Path) -> None:
    """Remove a staging folder: at once, as far as another run can tell; raises OSError."""
    removed = removed_folder(folder)
    folder.rename(removed)
    # What cannot be removed is left to the next run.
    shutil.rmtree(removed, ignore_errors=True)


def removed_folder(folder: Path) -> Path:
    """What a staging folder is called while it is removed."""
    return folder.with_suffix(".removed")
