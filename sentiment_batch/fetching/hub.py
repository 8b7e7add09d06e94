"""Fetch data sets from the Hugging Face Hub: all files of one commit."""

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import disable_progress_bars, logging, validate_repo_id

from sentiment_batch.errors import (
    BadDataError,
    ConfigurationError,
    InputOutputError,
    NoInputError,
    SentimentBatchError,
    UsageError,
)
from sentiment_batch.fetching.archive import require_allowed, require_safe_names
from sentiment_batch.fetching.retrying import Note, with_retries
from sentiment_batch.fetching.staging import Staging
from sentiment_batch.hashing import sha256_of

_SERVER = "the hub"


def fetch(
    name: str, revision: str | None, staging: Staging, max_bytes: int, note: Note, *, show_progress: bool
) -> tuple[str, list[Path]]:
    """Download and verify a data set; returns its commit hash and the paths of its files in the target folder.

    Raises UsageError for an invalid name, NoInputError if the hub shows no such data set or revision,
    ConfigurationError if it denies access, BadDataError for a download that is damaged, unsafe or too large, and the
    errors of `with_retries` and `Staging.publish`.
    """
    logging.set_verbosity_error()
    if not show_progress:
        disable_progress_bars()
    api = HfApi()
    page = f"{api.endpoint}/datasets/{name}"

    def refusal(status: int) -> SentimentBatchError:
        match status:
            case 401 | 404:
                which = f" with a revision {revision}" if revision else ""
                return NoInputError(
                    f"the hub shows no data set {name}{which} ({status}): for a private one set HF_TOKEN"
                )
            case 403:
                return ConfigurationError(
                    f"the hub does not give it to you (403): accept its conditions at {page}, then set HF_TOKEN"
                )
            case _:
                return InputOutputError(f"the hub refuses the request ({status}): see {page}")

    def ask(question: Any) -> Any:
        return with_retries(question, _SERVER, refusal, note)

    try:
        validate_repo_id(name)
        info = ask(lambda: api.dataset_info(name, revision=revision, files_metadata=True))
        files = {file.rfilename: file for file in info.siblings}
        require_safe_names([*files, info.sha], name)
        require_allowed(sum(file.size or 0 for file in files.values()), max_bytes, name)
        folder = staging.download / info.sha
        for path, file in files.items():
            ask(partial(_download, name, path, info.sha, folder))
            if not _is_intact(folder / path, file):
                (folder / path).unlink()
                raise BadDataError(f"{path} was damaged during the download: run the same command again")
    except HFValidationError as error:
        raise UsageError(f"hf:{name} is not the name of a data set: use owner/name, as in its URL") from error
    except OfflineModeIsEnabled as error:
        raise ConfigurationError("HF_HUB_OFFLINE is set: unset it to fetch from the hub") from error
    shutil.rmtree(folder / ".cache" / "huggingface", ignore_errors=True)  # download metadata of huggingface_hub
    return info.sha, staging.publish(folder)


def _download(name: str, path: str, commit: str, folder: Path) -> None:
    """Download a file, or resume its download."""
    try:
        hf_hub_download(name, path, repo_type="dataset", revision=commit, local_dir=folder)
    except LocalEntryNotFoundError as error:
        # The error only says that there is no local copy; its cause says why the download failed.
        if error.__cause__ is None:
            raise
        raise error.__cause__ from None


def _is_intact(path: Path, file: Any) -> bool:
    """Return whether the content matches the hub's hash: SHA-256 for large files, else that of a Git blob."""
    if file.lfs:
        return sha256_of(path) == str(file.lfs.sha256)
    if not file.blob_id:
        return True
    found = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as content:
        for block in iter(partial(content.read, 2**20), b""):
            found.update(block)
    return found.hexdigest() == str(file.blob_id)
