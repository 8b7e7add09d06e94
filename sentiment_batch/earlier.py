"""What earlier runs have left at an output: it decides whether a job is done, and whether it may replace that."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow.fs as pafs

from sentiment_batch.errors import ConfigurationError, SentimentBatchError, UsageError
from sentiment_batch.journal import Journal
from sentiment_batch.locations import plain_name
from sentiment_batch.output import Output
from sentiment_batch.receipt import Receipt, find_receipt
from sentiment_batch.resuming import clear_traces, is_retry, staged, unfinished


@dataclass(frozen=True)
class Earlier:
    """Each part is looked at once, when it is first asked for. `inputs` are fingerprints of the files as they are now.

    Raises InputOutputError for a receipt that cannot be read, CannotWriteError for what is not this user's own.
    """

    output: Output

    @cached_property
    def receipt(self) -> Receipt | None:
        """That of the output, be it finished or with too many rejects; None if there is none, or it is damaged."""
        return find_receipt(self.output.receipt, self.output.incomplete)

    @cached_property
    def journal(self) -> Journal | None:
        """That of an unfinished run; one of another version is complained of where it is opened."""
        with suppress(ConfigurationError):
            return unfinished(self.output)
        return None

    def published(self) -> Journal | None:
        """That of an unfinished run which put there what stands there, or was stopped while it did."""
        with suppress(OSError):
            if self.journal and (sha256 := self.journal.published_sha256):
                # In a store, it may be there in part; here, an old folder may be gone before the new one is there.
                in_between = not self.output.location.is_local or not self.output.files()
                return self.journal if in_between or sha256 == self.output.describe()["sha256"] else None
        return None

    def is_replaceable(self) -> bool:
        """Whether a run of `score` that can be continued put there what stands there."""
        published = self.published()
        return published is not None and not is_retry(published.run)

    def is_of(self, inputs: Sequence[Mapping[str, Any]]) -> bool:
        """Whether what stands there is of these files, changed or not: not of some of the same name elsewhere.

        A folder is of any files of the same data set: there may be more by now, or others in their place.

        A run that was about to replace it may have withdrawn the receipt.
        """
        if self.receipt:
            return self._origin(self.receipt["inputs"]) == self._origin(inputs)
        replacing = self.journal is not None and self.journal.published_sha256 is not None
        return replacing and self._began_with(inputs) is not None

    def is_outdated(self, inputs: Sequence[Mapping[str, Any]]) -> bool:
        """Whether an unfinished run began to read these files before they changed: what it has done is of no use."""
        return self._began_with(inputs) not in (None, inputs)

    def require_unmended(self) -> None:
        """Raise UsageError if records, by the receipt, were mended by hand that a new output would not have."""
        output, receipt = self.output, self.receipt
        if not receipt:
            self.require_unedited()
        if receipt and receipt.get("retries") and output.files():
            raise UsageError(
                f"{output.name} holds records mended by hand, which would be lost: choose another output, or remove it "
                "to score it anew"
            )
        expected = receipt and receipt["rejects"]
        if expected and self.output.rejects_sha256() not in (None, expected["sha256"]):
            raise UsageError(
                f"{output.rejects.name} has been edited: run `sentiment-batch retry-rejects {output.name}`, or remove "
                "it to score all anew"
            )

    def require_unedited(self) -> None:
        """Raise ConfigurationError if an unfinished run would replace rejects that are neither older nor its own."""
        expected = self.journal.rejects_sha256 if self.journal else []
        if expected and self.output.rejects_sha256() not in (None, *expected):
            raise ConfigurationError(
                f"{self.output.rejects.name} has been edited while a run was unfinished: move it away, run the same "
                "command again, and correct the new one"
            )

    def clear_finished(self) -> None:
        """Do what is left of the run that wrote the receipt, if it was stopped before it had tidied up."""
        with suppress(SentimentBatchError):  # then the next run may remove it
            if self.journal and self.receipt and self.journal.run["run"] in _runs(self.receipt):
                with staged(self.output, {}) as staging:
                    if self.output.receipt.kind() == pafs.FileType.File:  # `retry-rejects` may have put it beside
                        self.output.incomplete.remove()
                    staging.remove()
        clear_traces(self.output)

    def _began_with(self, inputs: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]] | None:
        """What these files were when an unfinished run began; None if there is no such run of them."""
        before: Sequence[Mapping[str, Any]] | None = self.journal.run.get("inputs") if self.journal else None
        return before if before and self._origin(before) == self._origin(inputs) else None

    def _origin(self, inputs: Sequence[Mapping[str, Any]]) -> set[str]:
        """The files by name, or the folders that they are in, if what is made of them is a folder."""
        names = {entry["name"] for entry in inputs}
        return {plain_name(name).rpartition("/")[0] for name in names} if self.output.is_folder else names


def _runs(receipt: Receipt) -> list[str]:
    return [receipt["run"], *(retry["run"] for retry in receipt.get("retries", []))]
