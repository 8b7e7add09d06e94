"""Read the rows of a scored output, in any format, as batches with one small fixed schema."""

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from sentiment_batch.columns import ADDED_COLUMNS, TEXT_COLUMNS, find_column
from sentiment_batch.errors import BadDataError, NoInputError, UsageError, first_line
from sentiment_batch.formats import FileType, is_known
from sentiment_batch.locations import REJECTS, Location
from sentiment_batch.output import Output
from sentiment_batch.receipt import Receipt
from sentiment_batch.sinks import heading
from sentiment_batch.sources import Chunk, Source, SourceOptions, open_source, without_rejects
from sentiment_batch.sources.dialect import OUTPUT_DIALECT
from sentiment_batch.sources.values import NOT_OF_THE_TYPE

_ADVICE = "score it first, or name the --prefix of its columns"
_DAY = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]|$)"
_DAY_CHARACTERS = len("2024-12-31")


class ScoredRows:
    """What `score` wrote: a file, or a folder of files.

    `text_column`: None if the output does not hold the reviews. `by`: the column to group by, or None.
    """

    def __init__(
        self,
        output: Output,
        receipt: Receipt | None,
        *,
        prefix: str | None,
        text_column: str | None,
        by: str | None,
    ) -> None:
        """Resolve the columns; if `prefix` or `text_column` is None, the receipt's is used, if there is a receipt.

        Raises NoInputError, BadDataError, or UsageError for a missing column.
        """
        options = receipt["options"] if receipt else None
        self._files = [file for file in output.files() if _is_rows(file) or not output.is_folder]
        if not self._files:
            raise NoInputError(f"{output.name}: no {'scored file in this folder' if output.is_folder else 'such file'}")
        file = self._files[0]
        guarded = options is not None and options["guard_formulas"]
        in_file = partial(heading, FileType.of(file.file_name), guard_formulas=guarded)
        if prefix is None:
            prefix = options["prefix"] if options else ""
        self._prefix = in_file(f"{prefix}sentiment").removesuffix("sentiment")
        if receipt and not receipt["rows_scored"] + receipt["rows_unscorable"]:
            # JSON Lines without rows do not tell their columns.
            self._files, names = [], [in_file(name) for name in receipt["output"]["columns"]]
        else:
            names = self._names(file)
        self.by = None if by is None else find_column(names, in_file(by), (), "--by")
        self.text_column = None
        if text_column is None and options and in_file(options["text_column"] or "") in names:
            text_column = options["text_column"]
        if text_column is not None or set(TEXT_COLUMNS) & set(names):
            self.text_column = find_column(names, text_column and in_file(text_column), TEXT_COLUMNS, "--text-column")

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order, with the predictions (named without their prefix), `text` and `by`.

        `by` is text: the day (YYYY-MM-DD) for dates, times and text that begins with one, else the value. Raises
        BadDataError for what `score` cannot have written, UsageError if `by` is of another type.
        """
        for file in self._files:
            with closing(self._open(file)) as source:
                for chunk in without_rejects(source):
                    try:
                        batch = self._batch(chunk)
                    except MemoryError:
                        raise
                    except NOT_OF_THE_TYPE as error:
                        raise BadDataError(f"{file.name}: not what score writes: {first_line(error)}") from error
                    yield batch

    def _names(self, file: Location) -> list[str]:
        with closing(self._source(file, None)) as source:
            names = source.names
        for name in (self._prefix + name for name in ADDED_COLUMNS):
            if name not in names:
                raise UsageError(f"{file.name} has no column {name!r}: {_ADVICE}")
        return names

    def _open(self, file: Location) -> Source:
        columns = [*(self._prefix + name for name in ADDED_COLUMNS), self.text_column, self.by]
        return self._source(file, tuple(name for name in columns if name is not None))

    def _source(self, file: Location, columns: tuple[str, ...] | None) -> Source:
        # Any text column will do to read the files.
        options = SourceOptions(f"{self._prefix}sentiment", columns, verbatim=True, dialect=OUTPUT_DIALECT)
        try:
            return open_source(file, options)
        except UsageError as error:
            raise UsageError(f"{error}: {_ADVICE}") from error

    def _batch(self, chunk: Chunk) -> pa.RecordBatch:
        rows = None if chunk.lines is None else [json.loads(line) for line in chunk.lines]

        def column(name: str, kind: pa.DataType) -> pa.Array:
            if rows is not None:
                values = [row.get(name) for row in rows]
                return pa.array(map(_text, values) if kind == pa.string() else values, kind)
            found = chunk.records.column(name)
            if pa.types.is_string(found.type):
                found = pc.if_else(pc.equal(found, ""), None, found)  # how CSV writes null
            return found.cast(kind)

        columns = {name: column(self._prefix + name, kind) for name, kind in ADDED_COLUMNS.items()}
        nulls = pa.nulls(len(chunk), pa.string())
        text = nulls if self.text_column is None else column(self.text_column, pa.string())
        try:
            by = nulls if self.by is None else _days(column(self.by, pa.string()))
        except pa.ArrowException as error:
            raise UsageError(f"--by: {self.by!r} holds neither text nor numbers nor times: choose another") from error
        return pa.record_batch({**columns, "text": text, "by": by})


def _is_rows(file: Location) -> bool:
    name = file.file_name
    return is_known(name) and not name.startswith(".") and not name.endswith(REJECTS)


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # JSON may hold lone surrogates


def _days(values: pa.Array) -> pa.Array:
    day = pc.utf8_slice_codeunits(values, 0, _DAY_CHARACTERS)
    return pc.if_else(pc.match_substring_regex(values, _DAY), day, values)
