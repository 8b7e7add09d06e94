"""An object store for tests: a folder behind a file system that is not the local one and may misbehave."""

import io
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs

from sentiment_batch.locations import Location


def far(root: Path, name: str, **faults: bool) -> Location:
    """Return `name` in the store whose objects are the files below `root`; `_Handler` describes the faults."""
    return Location(pafs.PyFileSystem(_Handler(root, **faults)), name, f"far://{name}")


class _Handler(pafs.FSSpecHandler):  # type: ignore[misc]  # pyarrow is not followed
    """`loses_bytes` drops each object's last byte; `times_out` fails the first query after an object has arrived."""

    def __init__(self, root: Path, *, loses_bytes: bool = False, times_out: bool = False) -> None:
        super().__init__(fsspec.filesystem("dir", path=str(root), fs=fsspec.filesystem("file")))
        self._root = root
        self.loses_bytes = loses_bytes
        self.times_out = times_out
        self.has_taken_one = False

    def open_output_stream(self, path: str, metadata: Any) -> pa.NativeFile:
        return pa.PythonFile(_Object(self, self._root / path), "w")

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        if self.times_out and self.has_taken_one:
            self.times_out = False
            raise TimeoutError("the store did not answer in time")
        found: list[pafs.FileInfo] = super().get_file_info(paths)
        return found


class _Object(io.BytesIO):
    """An object that appears when it is closed."""

    def __init__(self, store: _Handler, path: Path) -> None:
        super().__init__()
        self._store = store
        self._path = path

    def close(self) -> None:
        if self.closed:
            return
        content = self.getvalue()
        super().close()
        self._path.write_bytes(content[:-1] if self._store.loses_bytes else content)
        self._store.has_taken_one = True
