"""From names to files: suffixes, URIs."""

import pytest

from sentiment_batch.errors import UsageError
from sentiment_batch.formats import Compression, FileType, Format, is_known
from sentiment_batch.locations import Location


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.parquet", (Format.PARQUET, Compression.NONE)),
        ("a.PQ", (Format.PARQUET, Compression.NONE)),
        ("a.b.csv", (Format.CSV, Compression.NONE)),
        ("a.tsv.gz", (Format.TSV, Compression.GZIP)),
        ("a.tab", (Format.TSV, Compression.NONE)),
        ("a.jsonl.zst", (Format.JSONL, Compression.ZSTD)),
        ("a.NDJSON.Zstd", (Format.JSONL, Compression.ZSTD)),
    ],
)
def test_file_types(name: str, expected: tuple[Format, Compression]) -> None:
    """Suffixes determine format and compression, in either case."""
    assert is_known(name)
    assert FileType.of(name) == expected


@pytest.mark.parametrize("name", ["a", "a.txt", "a.gz", "a.txt.gz", "a.csv.bz2", "a.csv.gz.gz", ""])
def test_unknown_file_types(name: str) -> None:
    """Any other suffix is an error that lists the known ones."""
    assert not is_known(name)
    with pytest.raises(UsageError, match=r"not one of \.parquet, \.csv, \.tsv, \.jsonl"):
        FileType.of(name)


@pytest.mark.parametrize(
    ("name", "scored"),
    [
        ("reviews.csv", "reviews.scored.csv"),
        ("in.box/reviews.2024.parquet", "in.box/reviews.2024.scored.parquet"),
        ("reviews.jsonl.gz", "reviews.scored.jsonl.gz"),
        ("reviews.CSV.zst", "reviews.scored.CSV.zst"),
        ("file:///data/reviews.tsv", "file:///data/reviews.scored.tsv"),
    ],
)
def test_default_output(name: str, scored: str) -> None:
    """The default output is beside its input, with the same suffixes."""
    assert Location.parse(name).scored() == Location.parse(scored)


def test_child_and_parent() -> None:
    """A location's folder, and the files in it, keep the user's spelling."""
    folder = Location.parse("out/")
    assert folder.child("a.csv") == Location.parse("out/a.csv")
    assert folder.child("a.csv").parent().path == folder.path
    assert Location.parse("a.csv").parent().name == "."


@pytest.mark.parametrize("file_name", ["a b.csv", "a%20b.csv", "100%.csv", "q?.csv", "a#b.csv", "é.csv", "[z].csv"])
def test_names_in_a_store(file_name: str) -> None:
    """What the name of an object would mean in a URI is escaped, and the store's options stay behind it."""
    folder = Location.parse("s3://bucket/in%20box/?region=eu-north-1")
    child = folder.child(file_name)
    assert child.path == f"bucket/in box/{file_name}"
    for location in (child, child.scored(), child.beside(".receipt.json")):
        assert Location.parse(location.name) == location


def test_standard_stream() -> None:
    """A dash is a standard stream; a file of that name in a folder is not."""
    assert Location.parse("-").is_standard_stream
    assert not Location.parse("./-").is_standard_stream


def test_a_folder_without_a_name() -> None:
    """Stores refuse a path with two slashes; it is not asked for."""
    with pytest.raises(UsageError, match=r"two slashes: write one slash\Z"):
        Location.parse("s3://bucket/in//a.csv?region=eu-north-1")


@pytest.mark.parametrize("secret", ["AKIA:S3CR3T@bucket", "AKIA:S3/CR3T@bucket", "AKIA:123@bucket", "AKIA:@bucket"])
def test_a_secret_in_a_uri(secret: str) -> None:
    """It is refused, without being said: names are logged and stay in receipts."""
    with pytest.raises(UsageError, match=r"\As3://…: names are logged .+ AWS_SECRET_ACCESS_KEY\Z") as refused:
        Location.parse(f"s3://{secret}/a.csv?region=eu-north-1")
    assert "AKIA" not in str(refused.value)


def test_unknown_uri() -> None:
    """A URI of an unknown scheme is a usage error on one line."""
    with pytest.raises(UsageError, match=r"\Anowhere://a\.csv: .+\Z"):
        Location.parse("nowhere://a.csv")
