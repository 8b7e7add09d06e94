"""The part of the Hugging Face hub's protocol used to download a repository's files."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from local_server import Answer, LocalServer, Request, file_answer, serving

REPOSITORY = "owner/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

_LARGE_BYTES = 1000  # files from this size on are kept outside git


class FolderFiles(Mapping[str, bytes]):
    """The files in a folder, read anew whenever they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> bytes:
        if name not in iter(self):
            raise KeyError(name)
        return (self._folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in self._folder.iterdir() if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Hub:
    """One repository, with `files` by name; `hashes` replace the right ones."""

    def __init__(self, kind: str, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.hashes: dict[str, str] = {}
        self.commit = COMMIT
        self._api = f"/api/{kind}/{REPOSITORY}"
        self._resolve = f"/{'' if kind == 'models' else kind + '/'}{REPOSITORY}/resolve/"

    def respond(self, request: Request) -> Answer:
        path = request.url.partition("?")[0]
        if path.startswith(self._resolve):
            revision, _, name = path.removeprefix(self._resolve).partition("/")
            if revision in ("main", COMMIT) and name in self.files:
                content = self.files[name]
                headers = {"ETag": f'"{self._hash(name)}"', "X-Repo-Commit": COMMIT}
                return replace(file_answer(content), headers={"Accept-Ranges": "bytes", **headers})
            return _missing("EntryNotFound")
        if not path.startswith(self._api):
            return _missing("RepoNotFound")
        what, _, revision = path.removeprefix(self._api).removeprefix("/").partition("/")
        if what not in ("", "revision"):
            return _missing("EntryNotFound")
        if revision not in ("", "main", "v1", COMMIT):
            return _missing("RevisionNotFound")
        siblings = [self._describe(name) for name in self.files]
        body = json.dumps({"id": REPOSITORY, "sha": self.commit, "siblings": siblings}).encode()
        return Answer(200, body, {"Content-Type": "application/json", "X-Repo-Commit": COMMIT})

    def _describe(self, name: str) -> dict[str, Any]:
        content, digest = self.files[name], self._hash(name)
        if len(content) < _LARGE_BYTES:
            return {"rfilename": name, "size": len(content), "blobId": digest}
        lfs = {"sha256": digest, "size": len(content), "pointerSize": 130}
        return {"rfilename": name, "size": len(content), "blobId": "0" * 40, "lfs": lfs}

    def _hash(self, name: str) -> str:
        content = self.files[name]
        if len(content) < _LARGE_BYTES:
            found = hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()
        else:
            found = hashlib.sha256(content).hexdigest()
        return self.hashes.get(name, found)


def _missing(code: str) -> Answer:
    return Answer(404, headers={"X-Error-Code": code, "X-Repo-Commit": COMMIT})


@contextmanager
def hub_server(kind: str, files: Mapping[str, bytes]) -> Iterator[tuple[Hub, LocalServer]]:
    hub = Hub(kind, files)
    with serving(hub.respond) as server:
        yield hub, server


def hub_environment(server: LocalServer, home: Path) -> dict[str, str]:
    """Return the environment that sends the hub's client there, with its own cache."""
    return {
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "TRANSFORMERS_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1",
    }
