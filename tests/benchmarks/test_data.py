"""The snippets as read from their archive."""

from pathlib import Path

from benchmarks.data import snippets


def test_snippets_are_the_third_field(tmp_path: Path) -> None:
    """Snippets are read as Latin-1, one per line, without line ends or blank lines; tabs in a text stay."""
    folder = tmp_path / "hutto_ICWSM_2014"
    folder.mkdir()
    for name in ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets", "tweets"):
        content = f"1\t0.5\t{name}, caf\xe9\r\n\r\n2\t-1\tone\ttwo"
        (folder / f"{name}_GroundTruth.txt").write_bytes(content.encode("latin-1"))
    kinds = snippets(tmp_path)
    assert kinds["movie"] == ["movieReviewSnippets, café", "one\ttwo"]
    assert set(kinds) == {"movie", "amazon", "tweets", "nyt"}
