"""What is kept of a chunk that is done, as one file: Arrow streams, one behind the other."""

import io
from collections.abc import Sequence
from typing import NamedTuple, Self

import pyarrow as pa


class Part(NamedTuple):
    """The rows of a chunk as the output gets them, and the lines of the rejects file; see Sink.write.

    Written and read on one thread: the cores are taken, and one more that does not start would be the end of a run.
    """

    records: pa.RecordBatch
    predictions: pa.RecordBatch
    lines: list[str] | None
    rejects: list[str]

    def to_bytes(self) -> bytes:
        content = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        lines = None if self.lines is None else [line.encode("utf-8", "surrogatepass") for line in self.lines]
        for batch in (self.records, self.predictions, _column("line", lines), _column("reject", self.rejects)):
            with pa.ipc.new_stream(content, batch.schema, options=options) as stream:
                stream.write_batch(batch)
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        stream = pa.BufferReader(content)
        # Read to its end, each stream leaves the place where the next begins.
        options = pa.ipc.IpcReadOptions(use_threads=False)
        batches = [list(pa.ipc.open_stream(stream, options=options)) for _ in range(4)]
        [[records], [predictions], [lines], [rejects]] = batches
        as_read = (
            [line.decode("utf-8", "surrogatepass") for line in lines.column(0).to_pylist()] if lines.columns else None
        )
        return cls(records, predictions, as_read, [line.decode("utf-8") for line in rejects.column(0).to_pylist()])


def _column(name: str, values: Sequence[str | bytes] | None) -> pa.RecordBatch:
    """One binary column; none if there are no values to speak of."""
    return pa.record_batch({} if values is None else {name: pa.array(values, pa.large_binary())})
