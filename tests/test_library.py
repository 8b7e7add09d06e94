"""The recipes of docs/library.md, run as printed there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import read_rows

from sentiment_batch.predictions import PredictionColumns
from sentiment_batch.scoring import Scorer

ROOT = Path(__file__).parent.parent
RECIPES = dict(
    re.findall(r"^## (\w+)$.*?^```python\n(.*?)^```", (ROOT / "docs/library.md").read_text("utf-8"), re.M | re.S)
)
MODULES = {"Spark": "pyspark", "Dask": "dask", "Ray": "ray.data", "DuckDB": "duckdb", "Polars": "polars"}


def test_the_recipes_are_these() -> None:
    assert RECIPES.keys() == MODULES.keys()


@pytest.mark.parametrize("engine", MODULES)
def test_recipe(engine: str, tmp_path: Path) -> None:
    """The recipe gives every row the scorer's own prediction, to the bit, including nulls and empty texts."""
    pytest.importorskip(MODULES[engine], reason=f"needs {MODULES[engine]}{' and pandas' if engine == 'Ray' else ''}")
    if engine == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    rows = read_rows(ROOT / "examples/reviews.csv")[:60]
    texts = [*(row["text"] for row in rows), None]
    records = pa.table({"id": [*(row["id"] for row in rows), "none"], "text": texts})
    pq.write_table(records, tmp_path / "reviews.parquet", row_group_size=25)
    environment = os.environ | {
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "RAY_ADDRESS": "local",  # not a cluster that happens to run here
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    (tmp_path / "recipe.py").write_text(RECIPES[engine], "utf-8")
    done = subprocess.run(
        [sys.executable, "recipe.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Scorer.load() as scorer:
        added = PredictionColumns.of(scorer.bundle, prefix="", probabilities=False)
        expected = pa.Table.from_batches([added.batch(scorer.score(texts))])
    found = pq.read_table(tmp_path / "scored.parquet").sort_by("id")
    names = [name for name in expected.schema.names if name in found.column_names]
    assert names == (["sentiment"] if engine == "DuckDB" else expected.schema.names)
    columns = [*records.columns, *(expected[name] for name in names)]
    in_order = pa.table(columns, ["id", "text", *names]).sort_by("id")
    assert found.select(in_order.column_names).cast(in_order.schema).equals(in_order)
