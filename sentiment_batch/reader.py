"""Read the inputs of a job as one sequence of chunks."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import count

import pyarrow as pa

from sentiment_batch.errors import UsageError
from sentiment_batch.formats import Compression, FileType, Format, is_known
from sentiment_batch.locations import Location
from sentiment_batch.sources import Chunk, Source, SourceOptions, open_source, require_all


class Reader:
    """Opens inputs one after the other; all must have the same columns, which come in the order of the first's.

    `read`: how many records have been read so far, rejects included. `total`: how many there will be, as far as known.
    `rows`: how many there were; None until all are read. `output_type`: that of the output's suffix, else the format
    of the first input.
    """

    def __init__(
        self, inputs: Sequence[Location], output: Location, options: SourceOptions, added: Collection[str]
    ) -> None:
        """Open the first input; `added` are the names of columns that scoring adds. Raises what `open_source` does."""
        wanted = FileType.of(output.file_name) if is_known(output.file_name) else None
        verbatim = options.columns is None and (wanted is None or wanted.format is Format.JSONL)
        self._options = replace(options, verbatim=verbatim)
        self._inputs = inputs
        self._added = added
        self.source = open_source(inputs[0], self._options, added)
        self.schema = self.source.schema
        self.output_type = wanted or FileType(self.source.format, Compression.NONE)
        self.read = 0
        self.rows: int | None = None

    @property
    def total(self) -> int | None:
        if len(self._inputs) > 1:
            return None
        fraction = self.source.fraction_read()
        estimate = round(self.read / fraction) if self.read and fraction else None
        return self.source.rows if self.source.rows is not None else estimate

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of all inputs in order; raises the errors of sources, and UsageError if columns differ."""
        places = count()
        for position, location in enumerate(self._inputs):
            if position:
                self.source.close()
                self.source = self._open_next(location)
            before = self.read
            for chunk in self.source.chunks():
                self.read += len(chunk) + len(chunk.rejects)
                records = chunk.records.select(self.schema.names)
                yield replace(chunk, records=records, input=position, place=next(places))
            require_all(self.read - before, self.source.rows)
        self.rows = self.read

    def require_alike(self) -> None:
        """Open all other inputs, before the first row is read; raises what `chunks` would when it gets to them."""
        for location in self._inputs[1:]:
            self._open_next(location).close()

    def close(self) -> None:
        self.source.close()

    def _open_next(self, location: Location) -> Source:
        source = open_source(location, self._options, self._added)
        here, first = ({field.name: field for field in schema} for schema in (source.schema, self.schema))
        for name in here | first:
            found, wanted = here.get(name), first.get(name)
            if found is None or wanted is None or found != wanted:  # Arrow compares a field with nothing else
                source.close()
                raise UsageError(
                    f"{source.name}: column {name!r} is {_describe(found)}, in {self._inputs[0].name} it is "
                    f"{_describe(wanted)}: keep those that are alike (--columns), or score it into another output"
                )
        return source


def _describe(field: pa.Field | None) -> str:
    return "missing" if field is None else f"{field.type}{'' if field.nullable else ' not null'}"
