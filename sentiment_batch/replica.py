"""A scorer made again in another process, on another machine perhaps, where it gives the same bits."""

import platform
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from sentiment_batch.behaviour import load_cases
from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.identity import versions
from sentiment_batch.scores import Scores
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Session


@dataclass(frozen=True)
class Replica:
    """What another process needs to load the same scorer, for one thread, and to prove that it is the same.

    `graph` and `tokenizer` are the contents of the bundle's files; `proof` holds the scores of `_probe`.
    """

    bundle: ModelBundle
    graph: bytes
    tokenizer: bytes
    options: ScoringOptions
    versions: dict[str, str]
    proof: Scores

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        bundle = scorer.bundle
        options = replace(scorer.options, threads=1)
        proof = scorer.score(_probe())
        return cls(bundle, bundle.graph.read_bytes(), bundle.tokenizer.read_bytes(), options, versions(), proof)

    def load(self) -> Scorer:
        """Raises ConfigurationError if this process does not give the same bits."""
        node = platform.node()
        if self.versions != versions():
            raise ConfigurationError(f"{node} has {_list(versions())}, not {_list(self.versions)}: install the same")
        with TemporaryDirectory() as name:
            folder = Path(name)
            bundle = replace(
                self.bundle,
                folder=folder,
                graph=folder / self.bundle.graph.name,
                tokenizer=folder / self.bundle.tokenizer.name,
            )
            bundle.graph.write_bytes(self.graph)
            bundle.tokenizer.write_bytes(self.tokenizer)
            scorer = Scorer(bundle, Session(bundle.graph, self.options.device), self.options)
        proof = scorer.score(_probe())
        if any(before.tobytes() != now.tobytes() for before, now in zip(self.proof[:3], proof[:3], strict=True)):
            raise ConfigurationError(
                f"{node} does not give the same bits as the machine that the command runs on: "
                "start it on a machine with the same kind of processor"
            )
        return scorer


def _probe() -> list[str]:
    """Texts of all kinds, and one that is too long."""
    texts = [text for cases in load_cases().values() for case in cases for text in case.texts]
    return [*texts, " ".join(texts)]


def _list(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
