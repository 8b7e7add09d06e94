import csv, gzip, json
import pyarrow as pa
def read_table(path):
    op = gzip.open if path.suffix == ".gz" else open
    if ".jsonl" in path.name:
        return pa.Table.from_pylist([json.loads(l) for l in op(path, "rt", encoding="utf-8")])
    with op(path, "rt", encoding="utf-8", newline="") as f:
        return pa.Table.from_pylist(list(csv.DictReader(f, delimiter="\t" if ".tsv" in path.name else ",")))
