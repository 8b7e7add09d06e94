"""Odd files of every kind, collected by others, if the shared data is available."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from support import decompressed, read_in_a_process, read_rows, require_covered

from sentiment_batch.errors import SentimentBatchError
from sentiment_batch.formats import DELIMITERS, FileType, is_known
from sentiment_batch.locations import Location
from sentiment_batch.sources import Dialect, SourceOptions
from sentiment_batch.sources.files import InputFile, reading
from sentiment_batch.sources.records import Records


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def options_for(path: Path) -> SourceOptions:
    """Take the first column as the text, and as the delimiter the one most frequent in the first line."""
    with reading(str(path)):
        first = decompressed(path).split(b"\n")[0].decode("utf-8", "replace")
    delimiter = max(",;|\t", key=Counter(first).__getitem__)
    file = InputFile(Location.parse(str(path)))
    try:
        header = Records(file, delimiter, Dialect()).header
    finally:
        file.close()
    return SourceOptions(header[0], dialect=Dialect(delimiter))


def test_csv_files(tmp_path: Path, shared_data: Path) -> None:
    """Every CSV file gives rows and rejects that cover it, or one of our own errors."""
    read = 0
    for path in files(shared_data / "duckdb-csv"):
        if not is_known(path.name) or FileType.of(path.name).format not in DELIMITERS:
            continue
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        with suppress(SentimentBatchError):
            require_covered(copy, options_for(copy))
            read += 1
    assert read > 500


def test_expected_answers(shared_data: Path) -> None:
    """Files that come with the right answer are read accordingly."""
    for path in files(shared_data / "csv-spectrum/csvs"):
        if path.stem == "location_coordinates":
            continue  # comes with the answer for another file: the telephone number differs
        answer = json.loads((shared_data / "csv-spectrum/json" / path.name).with_suffix(".json").read_text("utf-8"))
        assert read_rows(path, options_for(path)) == answer, path.name


def test_parquet_files(shared_data: Path) -> None:
    """Every Parquet file gives all its rows, as rows or rejects, or is refused; those known to be bad are."""
    counts: Counter[str] = Counter()
    paths = files(shared_data / "parquet-testing", "*.parquet*")
    for path, found in zip(paths, read_in_a_process([(path, _first_text(path)) for path in paths]), strict=True):
        if found["code"] == 0:
            assert found["rows"] + found["rejects"] == pq.read_metadata(path).num_rows, path
        else:
            assert found["code"] in {2, 65}, path
        counts[f"{path.parent.name} {found['code']}"] += 1
    assert counts["data 0"] > 10  # the others hold no text
    assert counts["bad_data 0"] == 0


def _first_text(path: Path) -> str | None:
    try:
        return next((field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)), None)
    except (OSError, pa.ArrowException):
        return None
