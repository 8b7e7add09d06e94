"""What was written to a journal can be read again, however its end was torn."""

import json
import os
import stat
from pathlib import Path

import pytest

from sentiment_batch.durable import DurableFile, replacing
from sentiment_batch.errors import ConfigurationError
from sentiment_batch.journal import Commit, Journal, Tally

RUN = {"run": "1", "started": "once"}
COMMITS = [Commit(place, f"content {place}", f"part {place}", Tally(place, 1, 2, 3, 4)) for place in range(3)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal.create(tmp_path / "journal.jsonl", RUN)
    for commit in COMMITS:
        journal.add(commit)
    return journal


def test_commits_are_read_again(journal: Journal) -> None:
    """The first line and every commit come back as they were."""
    journal.record_output("hash", ["before", "after"])
    assert Journal.read(journal.path) == Journal(
        journal.path, RUN, dict(enumerate(COMMITS)), "hash", ["before", "after"]
    )


def test_any_tail_may_be_torn(journal: Journal) -> None:
    """Cut at any byte, a journal gives what its whole lines hold, and takes further lines after them."""
    content = journal.path.read_bytes()
    ends = [end for end, byte in enumerate(content, 1) if byte == ord("\n")]
    for length in range(len(content)):
        journal.path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        torn = Journal.read(journal.path)
        if torn is None:
            assert whole == 0
            continue
        assert torn.commits == dict(enumerate(COMMITS[: whole - 1]))
        torn.cut_torn_tail()
        torn.add(COMMITS[-1])
        assert Journal.read(journal.path) == torn


def test_a_damaged_line_ends_the_journal(journal: Journal) -> None:
    """Whatever follows a damaged line is not trusted."""
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([*lines[:2], b"\0" * 9 + b"\n", *lines[2:]]))
    torn = Journal.read(journal.path)
    assert torn is not None
    assert torn.commits == {0: COMMITS[0]}


def test_whether_it_was_stopped(journal: Journal) -> None:
    """A run that said that it stopped, and then went on, has died if it says nothing more."""
    journal.record_stop()
    stopped = Journal.read(journal.path)
    assert stopped is not None
    assert stopped == journal
    assert stopped.stopped
    stopped.add(COMMITS[-1])
    died = Journal.read(journal.path)
    assert died is not None
    assert not died.stopped


def test_the_last_commit_of_a_chunk_counts(journal: Journal) -> None:
    """A chunk that was done again has the hash of its new part."""
    again = Commit(1, "content 1", "another part", Tally())
    journal.add(again)
    read = Journal.read(journal.path)
    assert read is not None
    assert read.commits[1] == again


def test_tallies_add_up() -> None:
    """Tallies add up, and every row read is scored, unscorable or rejected."""
    total = sum((commit.tally for commit in COMMITS), Tally())
    assert total == Tally(3, 3, 6, 9, 12)
    assert total.rows_in == 12


def test_missing_bytes_are_noticed(tmp_path: Path) -> None:
    """A file that is shorter than what was written to it is never put in place."""
    target, temporary = tmp_path / "target", tmp_path / "target.partial"
    target.write_bytes(b"old")

    def lose() -> None:
        with replacing(target) as stream:
            stream.write(b"content")
            stream.flush()
            temporary.write_bytes(b"cont")

    with pytest.raises(OSError, match="fewer bytes have arrived"):
        lose()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_bytes() == b"old"


def test_nobody_else_reads_what_is_unfinished(tmp_path: Path) -> None:
    """Whatever the umask allows: who may read it is settled where it is published."""
    before = os.umask(0)
    try:
        with replacing(tmp_path / "target"):
            assert stat.S_IMODE((tmp_path / "target.partial").stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_appending_counts_from_the_end(tmp_path: Path) -> None:
    """What was in the file before does not count as missing."""
    path = tmp_path / "file"
    path.write_bytes(b"before ")
    with DurableFile(path, "ab") as file:
        file.write(b"after")
        file.sync()
    assert path.read_bytes() == b"before after"


@pytest.mark.parametrize("change", [{"unheard_of": 1}, {"tally": None}, {"tally": {}}])
def test_another_version(journal: Journal, change: dict[str, object]) -> None:
    """A commit with other entries is an error, not guessed at."""
    line = json.loads(journal.path.read_bytes().splitlines()[-1])
    with journal.path.open("a") as stream:
        stream.write(json.dumps(line | change) + "\n")
    with pytest.raises(ConfigurationError, match="of another version: finish it with that, or start over"):
        Journal.read(journal.path)
