"""Kaggle competitions, data sets and submissions, through Kaggle's own package.

That package signs in on import, prints to stdout, exits if it finds no token, and prints every request, token included,
if VERBOSE is in the environment. So it is imported late and kept silent.
"""

import base64
import hashlib
import io
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from sentiment_batch.errors import BadDataError, ConfigurationError, InputOutputError, TryAgainError
from sentiment_batch.fetching.archive import require_allowed, unpack
from sentiment_batch.fetching.credentials import HOW_TO_GET_ONE, has_access_token, require_safe_credentials
from sentiment_batch.fetching.kaggle_data import KaggleData
from sentiment_batch.fetching.retrying import Note, with_retries
from sentiment_batch.fetching.staging import Staging

_SERVER = "Kaggle"
_CHUNK_BYTES = 2**16  # the most that a dropped connection costs


def fetch(data: KaggleData, staging: Staging, max_bytes: int, note: Note, *, show_progress: bool) -> list[Path]:
    """Download, verify and unpack; returns the paths of the files in the target folder.

    Raises ConfigurationError for a missing or refused token, NoInputError for a name that Kaggle does not know, and the
    errors of `with_retries`, `unpack` and `Staging.publish`.
    """
    api = _sign_in(data, note)
    archive = staging.download / f"{data.slug}.zip"
    try:
        with_retries(
            lambda: _download(api, data, archive, max_bytes, show_progress=show_progress), _SERVER, data.refusal, note
        )
        unpack(archive, staging.files, max_bytes)
        return staging.publish(staging.files)
    except BaseException:
        # A resumable download has the package's marker file beside it, which records the version of the data.
        if not archive.with_name(f"{archive.name}.kaggle-partial").exists():
            archive.unlink(missing_ok=True)
        raise


def submit(file: Path, data: KaggleData, message: str, note: Note) -> None:
    """Upload a submission to a competition; raises the errors of `fetch`."""
    api = _sign_in(data, note)

    def upload() -> Any:
        with _muted():
            return api.competition_submit(str(file), message, data.slug, quiet=True)

    # A failing server may have accepted the submission, and the number per day is limited.
    try:
        answer = with_retries(upload, _SERVER, data.refusal, note, repeatable=False)
    except (TryAgainError, InputOutputError) as error:
        error.add_note(f"see at {data.page}/submissions whether it has arrived, before you try again")
        raise
    if answer.message == api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise InputOutputError(f"{file} could not be uploaded: try again, or upload it at {data.page}/submit")


def _sign_in(data: KaggleData, note: Note) -> Any:
    require_safe_credentials()
    for name in ("VERBOSE", "VERBOSE_OUTPUT"):
        os.environ.pop(name, None)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings show signed URLs
    with _muted():
        import kaggle
    api = kaggle.api
    if not api.get_config_value(api.CONFIG_NAME_AUTH_METHOD):
        # The import does not say why signing in failed.
        with_retries(lambda: _authenticate(api, data), _SERVER, data.refusal, note)
    return api


def _authenticate(api: Any, data: KaggleData) -> None:
    try:
        with _muted():
            api.authenticate()
    except SystemExit:
        if has_access_token():
            raise data.refusal(401) from None
        raise ConfigurationError(f"no Kaggle token: {HOW_TO_GET_ONE}") from None


def _download(api: Any, data: KaggleData, archive: Path, max_bytes: int, *, show_progress: bool) -> None:
    """Download the archive, or resume its download."""
    with _muted(), api.build_kaggle_client() as client, closing(_request(client, data)) as response:
        require_allowed(int(response.headers.get("Content-Length", 0)), max_bytes, archive.name)
        try:
            api.download_file(
                response,
                str(archive),
                client.http_client(),
                quiet=not show_progress,
                resume=True,
                chunk_size=_CHUNK_BYTES,
                max_retries=0,
            )
        except ValueError:
            intact = False
        else:
            intact = _md5_told(response) in (None, _md5_of(archive))
    if not intact:
        archive.unlink(missing_ok=True)
        raise BadDataError(f"{archive.name} was damaged during the download: run the same command again")


def _request(client: Any, data: KaggleData) -> Any:
    """Request the archive; the body of the response is still to be read."""
    if data.owner is None:
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

        request = ApiDownloadDataFilesRequest()
        request.competition_name = data.slug
        return client.competitions.competition_api_client.download_data_files(request)
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug, request.dataset_version_number = data.owner, data.slug, data.version
    return client.datasets.dataset_api_client.download_dataset(request)


def _md5_told(response: Any) -> str | None:
    """Return the MD5 of the whole body in hex, if the storage sends it (`x-goog-hash: crc32c=…, md5=…`)."""
    for part in response.headers.get("x-goog-hash", "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "md5":
            return base64.b64decode(value).hex()
    return None


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


@contextmanager
def _muted() -> Iterator[None]:
    with redirect_stdout(io.StringIO()):
        yield
