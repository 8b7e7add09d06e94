"""Names of Kaggle's competitions and data sets, their pages, and what to do when access is refused."""

import re
from dataclasses import dataclass
from typing import Self

from sentiment_batch.errors import (
    ConfigurationError,
    InputOutputError,
    NoInputError,
    SentimentBatchError,
    UsageError,
)
from sentiment_batch.fetching.credentials import HOW_TO_GET_ONE

_SLUG = r"[A-Za-z0-9_-]+"


@dataclass(frozen=True)
class KaggleData:
    """A competition (`owner` is None), or a data set in its latest version (`version` is None) or another."""

    owner: str | None
    slug: str
    version: int | None = None

    @classmethod
    def parse(cls, name: str, version: str | None) -> Self:
        """Parse a name and a version; raises UsageError if either is invalid."""
        found = re.fullmatch(rf"(?:({_SLUG})/)?({_SLUG})", name)
        if not found:
            raise UsageError(
                f"{name!r} is not a valid name: use the last part of a competition's URL, "
                "or owner/name, the last two parts of a data set's URL"
            )
        if version is not None and (found[1] is None or not version.isdecimal()):
            raise UsageError(f"--revision {version}: on Kaggle, only data sets have revisions, and they are numbers")
        return cls(found[1], found[2], int(version) if version else None)

    @classmethod
    def competition(cls, name: str) -> Self:
        """Parse the name of a competition; raises UsageError for a data set or an invalid name."""
        data = cls.parse(name, None)
        if data.owner:
            raise UsageError(f"{name} is a data set: submissions go to competitions")
        return data

    @property
    def page(self) -> str:
        kind = "datasets" if self.owner else "competitions"
        return f"https://www.kaggle.com/{kind}/{self.owner + '/' if self.owner else ''}{self.slug}"

    def refusal(self, status: int) -> SentimentBatchError:
        """Return the error for an HTTP status from Kaggle, which says what to do."""
        match status:
            case 401:
                return ConfigurationError(f"Kaggle does not take the token (401): {HOW_TO_GET_ONE}")
            case 403 if self.owner:
                return ConfigurationError(f"Kaggle does not give it to you (403): see whether you may read {self.page}")
            case 403:
                return ConfigurationError(
                    f"Kaggle does not let you yet (403): accept the rules at {self.page}/rules, then run this again"
                )
            case 404:
                return NoInputError(f"Kaggle has nothing at {self.page} (404): check the name and the revision")
            case _:
                return InputOutputError(f"Kaggle refuses the request ({status}): see {self.page}")
