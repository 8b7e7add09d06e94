"""Test files of every kind, read and written through the project's own sources and sinks."""

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from sentiment_batch.formats import FileType
from sentiment_batch.locations import Location
from sentiment_batch.sinks import Layout, open_sink
from sentiment_batch.sources import Chunk, Reject, SourceOptions, open_source


def edit_json(path: Path, edit: Callable[[dict[str, Any]], object] | None = None, /, **changes: object) -> None:
    """Change the object in a file of JSON, by a function or in the entries named; without a file it begins empty."""
    content = json.loads(path.read_text("utf-8")) if path.exists() else {}
    content.update(changes)
    if edit:
        edit(content)
    path.write_text(json.dumps(content), "utf-8")


def compressed(content: bytes, suffix: str) -> bytes:
    """Return `content` compressed as the suffix `gz` or `zst` says, otherwise unchanged."""
    if suffix == "gz":
        return gzip.compress(content)
    return bytes(pa.compress(content, "zstd", asbytes=True)) if suffix == "zst" else content


def copy_project(folder: Path) -> None:
    """Copy the files that belong to the project, going by git."""
    project = Path(__file__).parent.parent
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=project, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0")[:-1]:
        if (project / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, folder / name)


def read_chunks(path: Path, options: SourceOptions | None = None) -> list[Chunk]:
    """All chunks of a file."""
    with closing(open_source(Location.parse(str(path)), options or SourceOptions())) as source:
        return list(source.chunks())


def read_rows(path: Path, options: SourceOptions | None = None) -> list[dict[str, Any]]:
    """The kept columns of all rows."""
    return [row for chunk in read_chunks(path, options) for row in chunk.records.to_pylist()]


def read_texts(path: Path, options: SourceOptions | None = None) -> list[str | None]:
    """Return the texts that would be scored."""
    return [text for chunk in read_chunks(path, options) for text in chunk.texts]


def read_rejects(path: Path, options: SourceOptions | None = None) -> list[Reject]:
    """Return the records that could not be read."""
    return [reject for chunk in read_chunks(path, options) for reject in chunk.rejects]


def read_in_a_process(files: Sequence[tuple[Path, str | None]]) -> list[dict[str, Any]]:
    """Read each file in another process, by the given text column or the one it finds; return what came of each.

    That is `code` and `message`, or `rows` and `rejects`, and `peak_bytes` so far. Fails if the process crashes, hangs,
    or meets an error that is not one of ours.
    """
    script = Path(__file__).with_name("sources") / "read_all.py"
    wanted = json.dumps([(str(path), column) for path, column in files])
    done = subprocess.run(
        [sys.executable, script], input=wanted, capture_output=True, text=True, check=False, timeout=30 * len(files)
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def require_covered(path: Path, options: SourceOptions) -> None:
    """Assert that the rejects of a CSV are where they say, and that without their lines it gives the same rows."""
    content = decompressed(path)
    lines = content.splitlines(keepends=True)
    starts = list(accumulate(map(len, lines), initial=0))
    chunks = read_chunks(path, options)
    left, position = b"", 0
    for reject in (reject for chunk in chunks for reject in chunk.rejects):
        assert reject.line is not None
        assert reject.offset is not None
        start = starts[reject.line - 1]
        assert start == reject.offset
        assert content[start : start + len(reject.raw)] == reject.raw
        assert position <= start
        left += content[position:start]
        position = start + max(len(reject.raw), len(lines[reject.line - 1]))
        if left.endswith(b"\r") and content.startswith(b"\n", position):
            left += b"\n"  # otherwise two line ends would become one
    path = path.with_name("left.csv")
    path.write_bytes(left + content[position:])
    chunks_left = read_chunks(path, options)
    assert not any(chunk.rejects for chunk in chunks_left)
    assert _table(chunks_left).equals(_table(chunks))


def _table(chunks: list[Chunk]) -> pa.Table:
    return pa.Table.from_batches([chunk.records for chunk in chunks]) if sum(map(len, chunks)) else pa.table({})


def decompressed(path: Path) -> bytes:
    """Return the content of a file, decompressed as its suffix says."""
    match path.suffix:
        case ".gz":
            return gzip.decompress(path.read_bytes())
        case ".zst":
            return bytes(pa.CompressedInputStream(str(path), "zstd").read())
    return path.read_bytes()


def write_records(path: Path, records: pa.RecordBatch, lines: Sequence[str] | None = None) -> Path:
    """Write one chunk to a file in the format that its name indicates; the last column stands for the predictions."""
    *kept, added = records.schema.names
    kept_records, predictions = records.select(kept), records.select([added])
    layout = Layout(FileType.of(path.name), kept_records.schema, predictions.schema, guard_formulas=False)
    with path.open("wb") as raw, open_sink(raw, layout) as sink:
        sink.write(kept_records, predictions, lines)
    return path
