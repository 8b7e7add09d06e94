"""The part of Kaggle's API that the kaggle package uses to sign in, download and submit.

With KAGGLE_API_ENVIRONMENT=LOCALHOST the package calls http://localhost, and HTTP_PROXY routes that here, along with
the storage host that it is redirected to.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local_server import Answer, LocalServer, Request, file_answer, serving

TOKEN = "KGAT_5ecre7f0rte5t5"
USER = "someone"
KEY = "5ecre7keyf0rte5t5"
SIGNATURE = "5igna7ureoftheaddre55"
SECRETS = (TOKEN, KEY, SIGNATURE, base64.b64encode(f"{USER}:{KEY}".encode()).decode())

_API = "http://localhost/api/v1/"
_STORAGE = "http://storage.test/"
_AUTHORIZED = {f"Bearer {TOKEN}", f"Basic {SECRETS[-1]}"}


class Kaggle:
    """What the server holds: archives by competition, or by data set and version, and what was submitted."""

    def __init__(self) -> None:
        self.archives: dict[str, bytes] = {}
        self.md5_told: str | None = None  # instead of the right one
        self.uploaded = b""
        self.submissions: list[dict[str, Any]] = []

    def respond(self, request: Request) -> Answer:
        if request.url.startswith(_STORAGE):
            return self._store(request)
        if not request.url.startswith(_API):
            return Answer(502)
        method = request.url.rpartition("/")[2]
        asked = json.loads(request.body)
        if method == "IntrospectToken":
            return _json({"active": asked["token"] == TOKEN, "username": USER})
        if request.headers.get("authorization") not in _AUTHORIZED:
            return _refuse(401)
        match method:
            case "DownloadDataFiles":
                return self._redirect(asked["competitionName"])
            case "DownloadDataset":
                version = asked.get("datasetVersionNumber")
                name = f"{asked['ownerSlug']}/{asked['datasetSlug']}"
                return self._redirect(f"{name}/{version}" if version else name)
            case "StartSubmissionUpload":
                return _json({"token": "blob", "createUrl": f"{_STORAGE}upload?{SIGNATURE}"})
            case "CreateSubmission":
                self.submissions.append(asked)
                return _json({"message": "Successfully submitted", "ref": 1})
        return _refuse(404)

    def _redirect(self, name: str) -> Answer:
        if name not in self.archives:
            return _refuse(404)
        return Answer(302, headers={"Location": f"{_STORAGE}{name}/archive.zip?X-Goog-Signature={SIGNATURE}"})

    def _store(self, request: Request) -> Answer:
        if "authorization" in request.headers:  # like the real one, refuses two kinds of credentials at once
            return Answer(400)
        if request.method == "PUT":
            self.uploaded = request.body
            return Answer(200)
        content = self.archives[request.url.removeprefix(_STORAGE).rpartition("/")[0]]
        md5 = self.md5_told or base64.b64encode(hashlib.md5(content).digest()).decode()
        return file_answer(content, **{"x-goog-hash": f"crc32c=AAAAAA==, md5={md5}"})


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _refuse(status: int) -> Answer:
    """Refuse with an error that reveals secrets, as it should not."""
    body = json.dumps({"code": status, "message": f"not for {TOKEN} or {KEY}"}).encode()
    return Answer(status, body, {"Content-Type": "application/json"})


@contextmanager
def kaggle_server() -> Iterator[tuple[Kaggle, LocalServer]]:
    kaggle = Kaggle()
    with serving(kaggle.respond) as server:
        yield kaggle, server
