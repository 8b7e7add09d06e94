"""`sentiment-batch fetch`."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from sentiment_batch.cli.messages import notes
from sentiment_batch.cli.options import Finite, deadline_option, quiet_option, show_progress, verbose_option
from sentiment_batch.cli.stopping import stop_after

_HUB = "hf:"
_SHOWN = 5


@click.command(short_help="Download data from Kaggle or the hub (extra: kaggle or train).")
@click.argument("source")
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the files.")
@click.option("--revision", help="Commit, tag or branch on the hub; version number of a Kaggle data set.")
@click.option(
    "--max-gigabytes",
    type=Finite(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="Refuse larger downloads, packed or unpacked.",
)
@deadline_option
@quiet_option
@verbose_option
def fetch(
    source: str,
    name: str | None,
    output: Path,
    revision: str | None,
    max_gigabytes: float,
    deadline: float | None,
    quiet: bool,
) -> None:
    """Download a competition's data or a data set into a folder: `kaggle NAME`, or `hf:OWNER/NAME`.

    \b
    Examples:
      sentiment-batch fetch kaggle sentiment-analysis-on-movie-reviews -o data/
      sentiment-batch fetch kaggle owner/name -o data/
      sentiment-batch fetch hf:owner/name -o data/ --revision main

    Kaggle requires a token. Create one at https://www.kaggle.com/settings/api ("Generate New
    Token"), and save it as ~/.kaggle/access_token with chmod 600, or set KAGGLE_API_TOKEN. A
    kaggle.json also works. Files appear when they are complete and checked. After an
    interruption, the same command continues where it was.
    """
    is_hub = source.startswith(_HUB)
    if is_hub == bool(name) or not (is_hub or source == "kaggle"):
        raise click.UsageError("name the data as `kaggle NAME`, `kaggle OWNER/NAME` or `hf:OWNER/NAME`")
    from sentiment_batch.cli.extras import require_extra
    from sentiment_batch.fetching.archive import GIGABYTE

    if is_hub:
        # tokenizers brings huggingface_hub too, but of releases that make their requests in another way.
        require_extra("train", "transformers")
    else:
        require_extra("kaggle", "kaggle", "six")
    from sentiment_batch.fetching.staging import staged

    if deadline is not None:
        stop_after(deadline)
    note, max_bytes, visible = notes(quiet), int(max_gigabytes * GIGABYTE), show_progress(quiet)
    if is_hub:
        from sentiment_batch.fetching import hub

        with staged(output) as staging:
            commit, files = hub.fetch(
                source.removeprefix(_HUB), revision, staging, max_bytes, note, show_progress=visible
            )
        note(f"revision {commit}")
    else:
        from sentiment_batch.fetching import kaggle
        from sentiment_batch.fetching.kaggle_data import KaggleData

        data = KaggleData.parse(name or "", revision)
        with staged(output) as staging:
            files = kaggle.fetch(data, staging, max_bytes, note, show_progress=visible)
    note(_summary(output, files))
    for file in _training_files(files):
        note(f"next: sentiment-batch train --data {shlex.quote(str(file))} --output checkpoint/")


def _summary(output: Path, files: Sequence[Path]) -> str:
    size = sum(file.stat().st_size for file in files)
    names = ", ".join(str(file.relative_to(output)) for file in files)
    return f"{output}: {names if len(files) <= _SHOWN else f'{len(files):,} files'}; {size / 1e6:,.1f} MB"


def _training_files(files: Sequence[Path]) -> Sequence[Path]:
    """The file to train on, if there is one whose name says so, or only one that could be."""
    from sentiment_batch.formats import is_known

    known = [file for file in files if is_known(file.name)]
    named = [file for file in known if file.name.split(".")[0] == "train"]
    return next((found for found in (named, known) if len(found) == 1), [])
