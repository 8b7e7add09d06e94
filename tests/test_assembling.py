"""Committed parts to the files of an output."""

from pathlib import Path

import pyarrow as pa
import pytest
from support import read_rows

from sentiment_batch.assembling import publish_parts
from sentiment_batch.formats import Compression, FileType, Format
from sentiment_batch.journal import Tally
from sentiment_batch.locations import SUCCESS, Location
from sentiment_batch.output import Output
from sentiment_batch.parts import Part
from sentiment_batch.resuming import staged
from sentiment_batch.sinks import Layout

RECORDS = pa.schema({"text": pa.string()})
PREDICTIONS = pa.schema({"n_tokens": pa.int32()})


@pytest.mark.parametrize(("chunks", "rows_by_file"), [(0, [0]), (1, [1]), (128, [128]), (129, [128, 1])])
def test_files_of_a_folder(tmp_path: Path, chunks: int, rows_by_file: list[int]) -> None:
    """A file holds 128 chunks, and every chunk is in one file, in order; no attempt at a single file is in the way."""
    output = Output.at(Location.parse(f"{tmp_path}/out/"))
    with staged(output, {}) as staging:
        for place in range(chunks):
            records = pa.record_batch({"text": [f"chunk {place}"]}, schema=RECORDS)
            predictions = pa.record_batch({"n_tokens": [place]}, schema=PREDICTIONS)
            staging.commit(place, "", Part(records, predictions, None, []), Tally(1), [])
        staging.file("output").touch()
        file_type = FileType(Format.CSV, Compression.NONE)
        publish_parts(staging, output, Layout(file_type, RECORDS, PREDICTIONS, guard_formulas=False))
        staging.remove()
    success, *parts = output.files()
    assert (success.file_name, [part.file_name for part in parts]) == (
        SUCCESS,
        [f"part-{number:05}.csv" for number in range(len(rows_by_file))],
    )
    found = [read_rows(Path(part.path)) for part in parts]
    assert list(map(len, found)) == rows_by_file
    assert [row["text"] for rows in found for row in rows] == [f"chunk {place}" for place in range(chunks)]
