"""One run of `sentiment-batch score` that is disturbed, and the proof that nothing was lost."""

import csv
import io
import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from cli.process import Command, Result, error_line
from cli.tables import raw_bytes
from faults.ledger import Entry, Ledger

from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.verify import verify

ROWS = 20_000
ROWS_UP_TO = (0, 8192, 16_384, ROWS)  # the ends of three chunks
TEXTS = ("good", "bad", "a good bad", "")
INPUT = "id,text\n" + "".join(
    f"{row},{TEXTS[row % 4]}{',one field too many' if row % 1000 == 500 else ''}\n" for row in range(ROWS)
)
DONE = 3  # with tolerated rejects
OUTPUT, REJECTS, RECEIPT = "r.scored.csv", "r.scored.csv.rejects.jsonl", "r.scored.csv.receipt.json"
JOURNAL = ".r.scored.csv.staging/journal.jsonl"
ARGUMENTS = ("-o", OUTPUT, "-q", "--threads", "1", "--max-reject-rate", "0.01")


class Input(NamedTuple):
    """A file to be scored."""

    name: str
    content: bytes


CSV = Input("r.csv", INPUT.encode())


@dataclass(frozen=True)
class Trial:
    """A folder with the input in it; `undisturbed` is what an undisturbed run leaves there.

    `old` is an existing output to be replaced. `input` has ROWS rows, with ids counted from 0.
    """

    score: Command
    fault: str
    ledger: Ledger
    undisturbed: dict[str, bytes]
    old: bytes | None = None
    input: Input = CSV

    @property
    def folder(self) -> Path:
        return self.score.folder

    def prepare(self) -> "Trial":
        self.folder.mkdir(exist_ok=True)
        (self.folder / self.input.name).write_bytes(self.input.content)
        if self.old is not None:
            (self.folder / OUTPUT).write_bytes(self.old)
        return self

    def run(self, *runner: str, **how: Any) -> Result:
        """Run the command, through another program such as strace if one is named."""
        return self.started_by(*runner)(*self.arguments, **how)

    def started_by(self, *runner: str) -> Command:
        return replace(self.score, runner=(*self.score.runner, *runner))

    @property
    def arguments(self) -> tuple[str, ...]:
        return (self.input.name, *ARGUMENTS, *(["--force"] if self.old is not None else []))

    def outcome(self) -> dict[str, bytes]:
        """Return what an undisturbed run left behind; check that every row is there once."""
        assert self._count_rows() == (0, 0)
        return self.score.contents()

    def commits(self) -> list[dict[str, Any]]:
        """The finished chunks that the journal names."""
        return [line for line in self.journal() if "chunk" in line]

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal's lines before the first torn one."""
        path = self.folder / JOURNAL
        lines = []
        with suppress(ValueError):
            for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
                lines.append(json.loads(line if line.endswith(b"\n") else b""))
        return lines

    def require_failure(self, result: Result) -> str:
        """Check that the failure is one line, with an exit code for failed reading or writing; return the message."""
        message = error_line(result)
        assert result.code in {73, 74}, result
        return message

    def require_honest(self, message: str) -> None:
        """Check that the rows said to be kept are kept, and that no finished chunk is missing.

        The last commit's line may have arrived although its fsync was interrupted: then the message does not count it.
        """
        said = re.search(r"; ([\d,]+) rows are kept: run the same command again to continue$", message)
        chunks = len(self.commits())
        assert (int(said[1].replace(",", "")) if said else 0) in ROWS_UP_TO[max(0, chunks - 1) : chunks + 1]

    def require_recovery(self) -> None:
        """Check the invariant: no torn output was seen, and the same command again completes, with every row exactly
        once.
        """
        torn = self._is_torn()
        journal, commits = self.journal(), self.commits()
        was_done = (self.folder / RECEIPT).exists() and not journal
        again = self.run()
        lost, doubled = self._count_rows()
        self.ledger.add(self.fault, Entry(1, lost, doubled, torn))
        assert not torn
        if was_done and self.old is None:
            # The fault came when only tidying up was left.
            assert (again.code, error_line(again)) == (2, EXISTS), again
        else:
            assert again.code == DONE, again
        assert (lost, doubled) == (0, 0)
        self.require_done()
        if commits and not was_done:
            # The run went on from there instead of starting anew.
            assert self.receipt()["run"] == journal[0]["run"]

    def require_done(self) -> None:
        """Check that all is there as if nothing had happened, and nothing else."""
        contents = self.score.contents()
        assert contents.keys() == {self.input.name, OUTPUT, REJECTS, RECEIPT}
        assert [path.name for path in self.folder.iterdir() if path.is_dir()] == []
        assert contents[OUTPUT] == self.undisturbed[OUTPUT]
        assert contents[REJECTS] == self.undisturbed[REJECTS]
        assert verify(Output(Location.parse(str(self.folder / OUTPUT))), rescore=0)["rows_in"] == ROWS
        assert self.receipt()["distribution"] == json.loads(self.undisturbed[RECEIPT])["distribution"]

    def receipt(self) -> dict[str, Any]:
        receipt: dict[str, Any] = json.loads((self.folder / RECEIPT).read_bytes())
        return receipt

    def _is_torn(self) -> bool:
        path = self.folder / OUTPUT
        content = path.read_bytes() if path.exists() else None
        return content not in (self.old, self.undisturbed[OUTPUT])

    def _count_rows(self) -> tuple[int, int]:
        """Return how many input rows are in neither output nor rejects, and how many are there more than once."""
        found = ids(self.folder)
        return ROWS - len(found), found.total() - len(found)


EXISTS = f"{OUTPUT} exists: choose another output, or replace it with --force"


def ids(folder: Path) -> Counter[str]:
    """Count the ids of all rows in the output and the rejects, as far as these are there."""
    csv.field_size_limit(2**24)
    output, rejects = (path.read_bytes() if path.exists() else b"" for path in (folder / OUTPUT, folder / REJECTS))
    scored = [row["id"] for row in csv.DictReader(io.StringIO(output.decode("utf-8")))]
    return Counter(scored + [raw_bytes(json.loads(line)).partition(b",")[0].decode() for line in rejects.splitlines()])
