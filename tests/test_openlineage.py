"""How OpenLineage names what is read and written."""

import pytest

from sentiment_batch.openlineage import dataset


@pytest.mark.parametrize(
    ("name", "namespace", "path"),
    [
        ("/srv/r.csv", "file", "/srv/r.csv"),
        ("file:///srv/r.csv", "file", "/srv/r.csv"),
        ("s3://bucket/in/r.csv", "s3://bucket", "in/r.csv"),
        ("s3://bucket/in/a%20b.csv?region=eu-north-1", "s3://bucket", "in/a b.csv"),
        ("gs://bucket/in/", "gs://bucket", "in/"),
        ("-", "file", "/dev/stdin"),
    ],
)
def test_names(name: str, namespace: str, path: str) -> None:
    """A file is named by its store and its path there."""
    assert dataset(name) == {"namespace": namespace, "name": path}
