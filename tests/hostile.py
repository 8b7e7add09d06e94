"""Small hostile files of every kind, and what becomes of each: texts that are read, rejects, or an error."""

import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from support import compressed


@dataclass(frozen=True)
class Bad:
    """A reject: its line, the offset and bytes of the record, and how the reason begins."""

    line: int
    offset: int
    raw: bytes
    reason: str


@dataclass(frozen=True)
class Hostile:
    """A file with this `suffix`. If nothing can be read, `error` is how the message begins after the file's name."""

    suffix: str
    content: bytes
    texts: Sequence[str | None] = ()
    rejects: Sequence[Bad] = field(default=())
    error: str = ""
    code: int = 65


def parquet(columns: Mapping[str, pa.Array | list[str]], **options: object) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content, **options)
    return content.getvalue()


GOOD_PARQUET = parquet({"text": pa.array(["good", "bad"] * 500)})
GOOD_CSV = b"text\n" + b"good\nbad\n" * 500
NOT_JSON = "not a JSON object: "

FILES = {
    "CSV: too few fields": Hostile(
        "csv", b"id,text\n1,good\n2\n3,bad\n", ["good", "bad"], [Bad(3, 15, b"2\n", "1 fields where the header has 2")]
    ),
    "CSV: too many fields": Hostile(
        "csv", b"id,text\n1,a,b\n2,good", ["good"], [Bad(2, 8, b"1,a,b\n", "3 fields where the header has 2")]
    ),
    "CSV: zero byte": Hostile("csv", b"text\ngo\0od\nbad\n", ["go\0od", "bad"]),
    "CSV: lone quote": Hostile(
        "csv", b'text\n"good\nbad\ngood\n', ["bad", "good"], [Bad(2, 5, b'"good\n', "unexpected end of data")]
    ),
    "CSV: quote in the middle": Hostile(
        "csv", b'text\n"go"od\nbad\n', ["bad"], [Bad(2, 5, b'"go"od\n', "',' expected after '\"'")]
    ),
    "CSV: quoted record over several lines": Hostile(
        "csv",
        b'id,text\n1,"good\r\n,\n"\n2,"a\nb",c\n3,bad\n',
        ["good\r\n,\n", "bad"],
        [Bad(5, 21, b'2,"a\nb",c\n', "3 fields where the header has 2")],
    ),
    "CSV: byte order mark": Hostile("csv", b"\xef\xbb\xbftext\ngood\n", ["good"]),
    "CSV: line feeds and carriage returns": Hostile(
        "csv", b"id,text\r\n1,good\r2,bad\n3\r\n", ["good", "bad"], [Bad(4, 22, b"3\r\n", "1 fields where")]
    ),
    "CSV: not UTF-8": Hostile(
        "csv", b"text\ngood\nsch\xf6n\nbad\n", ["good", "bad"], [Bad(3, 10, b"sch\xf6n\n", "not utf-8 text")]
    ),
    "CSV: cut within a character": Hostile(
        "csv", b"text\ngood\nsch\xc3", ["good"], [Bad(3, 10, b"sch\xc3", "not utf-8 text")]
    ),
    "CSV: UTF-16": Hostile("csv", "text\ngood\n".encode("utf-16"), error=": the header is not utf-8 text"),
    "CSV: separators of lines that are none": Hostile(
        "csv", "text\ngood\u2028\x85\x0b\x0c\x1cbad\n".encode(), ["good\u2028\x85\x0b\x0c\x1cbad"]
    ),
    "CSV: blank lines": Hostile("csv", b"id,text\n\n\n1,good\n\n", ["good"]),
    "CSV: blank lines are records of one field": Hostile("csv", b"text\ngood\n\nbad\n", ["good", "", "bad"]),
    "CSV: nothing but a header": Hostile("csv", b"text\n"),
    "CSV: two byte order marks": Hostile(
        "csv", "\ufeff\ufefftext\ngood\n".encode(), error=": the header begins with two"
    ),
    "CSV: nothing": Hostile("csv", b"", error=": the file is empty"),
    "CSV: nothing but a blank line": Hostile("csv", b"\n", error=": the file has no header line"),
    "CSV: open quote in the header": Hostile("csv", b'"text\ngood\n', error=": line 1: unexpected end of data"),
    "CSV: no text": Hostile("csv", b"id,price\n1,2\n", error=": no known column name", code=2),
    "CSV: two columns of one name": Hostile("csv", b"text,text\na,b\n", error=": several columns are named", code=2),
    "CSV: thousands of columns": Hostile(
        "csv", b"text," + b",".join(b"c%d" % i for i in range(5000)) + b"\ngood" + b"," * 5000 + b"\n", ["good"]
    ),
    "CSV: thousands of columns of one name": Hostile(
        "csv", b"text" + b",a" * 99_000 + b"\n", error=": several columns are named 'a'", code=2
    ),
    "CSV: more columns than any table has": Hostile(
        "csv",
        b"text," + b",".join(b"%d" % i for i in range(100_000)),
        error=": 100,001 columns: no more than 100,000",
        code=2,
    ),
    "CSV: formulas": Hostile("csv", b"text\n=good()\n@good\n", ["=good()", "@good"]),
    "TSV: quotes and tabs": Hostile(
        "tsv", b'id\ttext\n1\t"go\tod"\n2\ta\tb\n', ["go\tod"], [Bad(3, 18, b"2\ta\tb\n", "3 fields where")]
    ),
    "JSONL: NaN": Hostile(
        "jsonl",
        b'{"text": "good"}\n{"text": "bad", "x": NaN}\n',
        ["good"],
        [Bad(2, 17, b'{"text": "bad", "x": NaN}\n', NOT_JSON + "NaN is not JSON")],
    ),
    "JSONL: a key twice": Hostile(
        "jsonl",
        b'{"text": "good"}\n{"text": "a", "text": "b"}\n{"text": "bad"}',
        ["good", "bad"],
        [Bad(2, 17, b'{"text": "a", "text": "b"}\n', NOT_JSON + "a key appears twice")],
    ),
    "JSONL: deep nesting": Hostile(
        "jsonl",
        b'{"text": "good"}\n{"text": ' + b"[" * 100_000 + b'\n{"text": "bad"}\n',
        ["good", "bad"],
        [Bad(2, 17, b'{"text": ' + b"[" * 100_000 + b"\n", NOT_JSON + "nested too deeply")],
    ),
    "JSONL: half a last line": Hostile(
        "jsonl", b'{"text": "good"}\n{"text": "ba', ["good"], [Bad(2, 17, b'{"text": "ba', NOT_JSON)]
    ),
    "JSONL: no object": Hostile(
        "jsonl", b'{"text": "good"}\n["bad"]\n', ["good"], [Bad(2, 17, b'["bad"]\n', "not a JSON object")]
    ),
    "JSONL: two objects on a line": Hostile(
        "jsonl", b'{"text": "good"}\n{"text": "a"} {}\n', ["good"], [Bad(2, 17, b'{"text": "a"} {}\n', NOT_JSON)]
    ),
    "JSONL: no text": Hostile(
        "jsonl", b'{"text": "good"}\n{"text": 7}\n', ["good"], [Bad(2, 17, b'{"text": 7}\n', "'text' is not text")]
    ),
    "JSONL: a number of 5,000 digits": Hostile(
        "jsonl",
        b'{"text": "good"}\n{"text": "a", "n": 1' + b"0" * 5000 + b"}\n",
        ["good"],
        [Bad(2, 17, b'{"text": "a", "n": 1' + b"0" * 5000 + b"}\n", NOT_JSON + "Exceeds the limit")],
    ),
    "JSONL: control character": Hostile(
        "jsonl", b'{"text": "good"}\n{"text": "a\0b"}\n', ["good"], [Bad(2, 17, b'{"text": "a\0b"}\n', NOT_JSON)]
    ),
    "JSONL: not UTF-8": Hostile(
        "jsonl", b'{"text": "good"}\n{"text": "\xff"}\n', ["good"], [Bad(2, 17, b'{"text": "\xff"}\n', "not UTF-8")]
    ),
    "JSONL: half a surrogate pair": Hostile("jsonl", b'{"text": "good \\ud83d"}\n', ["good \ud83d"]),
    "JSONL: missing and null": Hostile("jsonl", b'{"text": "good"}\n{}\n{"text": null}\n', ["good", None, None]),
    "JSONL: nothing but a broken line": Hostile("jsonl", b"{1}\n", rejects=[Bad(1, 0, b"{1}\n", NOT_JSON)]),
    "JSONL: byte order mark and blank lines": Hostile("jsonl", b'\xef\xbb\xbf\n {"text": "good"} \r\n\n', ["good"]),
    "JSONL: nothing but blank lines": Hostile("jsonl", b"\n\n"),
    "gzip: cut short": Hostile("csv.gz", gzip.compress(GOOD_CSV)[:-9], error=": cut short or damaged"),
    "gzip: checksum": Hostile("csv.gz", gzip.compress(GOOD_CSV)[:-8] + bytes(8), error=": cut short or damaged"),
    "gzip: several members": Hostile(
        "csv.gz", gzip.compress(b"text\ngo") + gzip.compress(b"") + gzip.compress(b"od\n"), ["good"]
    ),
    "gzip: none": Hostile("csv.gz", GOOD_CSV, error=": cut short or damaged: Not a gzipped file"),
    "zstd: cut short": Hostile("csv.zst", compressed(GOOD_CSV, "zst")[:-5], error=": "),
    "zstd: none": Hostile("csv.zst", GOOD_CSV, error=": "),
    "Parquet: cut short": Hostile("parquet", GOOD_PARQUET[:-20], error=" is not a readable Parquet file: "),
    "Parquet: footer of another": Hostile("parquet", b"PAR1" + GOOD_PARQUET[-500:], error=": "),
    "Parquet: nothing but its name": Hostile("parquet", b"PAR1PAR1", error=" is not a readable Parquet file: "),
    "Parquet: none": Hostile("parquet", GOOD_CSV, error=" is not a readable Parquet file: "),
    "Parquet: pages of zeros": Hostile("parquet", GOOD_PARQUET[:4] + bytes(30) + GOOD_PARQUET[34:], error=": "),
    "Parquet: no rows": Hostile("parquet", parquet({"text": pa.array([], pa.string())})),
    "Parquet: not UTF-8": Hostile(
        "parquet",
        parquet({"text": pa.array([b"good", b"\xff", b"bad"]).view(pa.string())}),
        ["good", "bad"],
        [Bad(0, 1, b"\xff", "'text' is not UTF-8 text")],  # row group and row
    ),
    "Parquet: numbers": Hostile("parquet", parquet({"text": pa.array([1, 2])}), error=": column 'text' holds", code=2),
    "Parquet: text in lists": Hostile(
        "parquet", parquet({"text": pa.array([["good"]])}), error=": column 'text' holds list", code=2
    ),
}
