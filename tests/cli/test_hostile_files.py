"""The command on broken files of every known kind: records are read or rejected with their place, or the file fails."""

import pytest
from cli.process import Command, error_line
from cli.tables import REVIEWS, raw_bytes, read_rejects, read_table, write_table
from hostile import FILES, Hostile


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_file(score: Command, file: Hostile) -> None:
    """Each record is in the output or among the rejects, with line, offset and bytes; or the file is refused."""
    name, output = f"r.{file.suffix}", score.folder / f"r.scored.{file.suffix}"
    (score.folder / name).write_bytes(file.content)
    result = score(name)
    assert result.stdout == ""
    if file.error:
        assert result.code == file.code
        assert error_line(result).startswith(name + file.error)
        assert list(score.contents()) == [name]
        return
    rejects = read_rejects(output)
    assert [row.get("text") for row in read_table(output)] == list(file.texts)
    places = [[reject[name] for name in ("line", "offset", "row_group", "row") if name in reject] for reject in rejects]
    assert places == [[bad.line, bad.offset] for bad in file.rejects]
    assert [raw_bytes(reject) for reject in rejects] == [bad.raw for bad in file.rejects]
    if not file.rejects:
        assert result.code == 0
        return
    assert result.code == 65
    message = error_line(result)
    assert message.startswith(f"{name}: ")
    assert f"{len(file.rejects)} of {len(file.texts) + len(file.rejects)} records are rejected" in message
    for bad, reject in zip(file.rejects, rejects, strict=True):
        assert reject["source"] == name
        assert reject["reason"].startswith(bad.reason)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_odd_texts(score: Command, suffix: str) -> None:
    """Empty, blank, huge, emoji-only and zero-byte texts and repeated ids all keep their rows."""
    texts = ["", " \t", "good " * 200_000, "👍" * 300, "\0", "good", "good", "word" * 250_000]
    write_table(score.folder / f"r.{suffix}", [{"id": "7", "text": text} for text in texts])
    assert score(f"r.{suffix}").code == 0
    rows = read_table(score.folder / f"r.scored.{suffix}")
    assert [(row["id"], row["text"]) for row in rows] == [("7", text) for text in texts]
    assert [row["sentiment_error"] or None for row in rows] == [
        "empty_text",
        "empty_text",
        None,
        None,
        None,
        None,
        None,
        None,
    ]
    assert [row["sentiment"] or None for row in rows][2] == "very positive"
    assert rows[5] == rows[6]
    assert {str(row["truncated"]).lower() for row in rows[:2] + rows[3:7]} == {"false"}
    assert str(rows[2]["truncated"]).lower() == "true"


@pytest.mark.parametrize(("bad", "code"), [(5, 3), (6, 65)])
def test_limit_of_rejects(score: Command, bad: int, code: int) -> None:
    """Exactly as many rejects as allowed are reported by the exit code alone; with one more, the run fails."""
    path = write_table(score.folder / "r.csv", [REVIEWS[0] | {"id": str(row)} for row in range(100 - bad)])
    path.write_bytes(path.read_bytes() + b"broken\n" * bad)
    result = score("r.csv", "--max-reject-rate", "0.05")
    assert result.code == code
    assert len(read_table(score.folder / "r.scored.csv")) == 100 - bad
    assert len(read_rejects(score.folder / "r.scored.csv")) == bad
    assert (score.folder / "r.scored.csv.receipt.json").exists() == (code == 3)
    if code == 65:
        assert "6 of 100 records are rejected" in error_line(result)
