"""What is kept of a run until its output is complete, however the run ends."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sentiment_batch.errors import BadDataError, CannotWriteError, ConfigurationError, CrashError, TryAgainError
from sentiment_batch.journal import Tally
from sentiment_batch.locations import Location
from sentiment_batch.output import Output
from sentiment_batch.parts import Part
from sentiment_batch.resuming import staged

NOTHING = pa.record_batch({})
IDENTITY = {"inputs": ["r.csv"], "options": {"prefix": "", "max_tokens": 64}}
ROWS = 5


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output.at(Location.parse(str(tmp_path / "out.csv")))


def open_and_close(output: Output, identity: Mapping[str, Any], expected_bytes: int = 0) -> None:
    with staged(output, identity, expected_bytes=expected_bytes):
        pass


def end_with(error: BaseException, output: Output, *, chunks: int) -> str:
    """A run that commits so many chunks and ends with `error`; what was added to that."""
    with suppress(type(error)), staged(output, IDENTITY) as staging:
        for place in range(chunks):
            staging.commit(place, "", Part(NOTHING, NOTHING, None, []), Tally(ROWS), [])
        raise error
    return "".join(getattr(error, "__notes__", []))


@pytest.mark.parametrize(
    ("error", "died"),
    [
        (RuntimeError("nobody has thought of this"), True),
        (CrashError("a process that scores"), True),
        (TryAgainError("later"), False),
        (KeyboardInterrupt(), False),
    ],
    ids=repr,
)
def test_who_ended_it(output: Output, error: BaseException, died: bool) -> None:
    """The next run is told whether the last one died, and goes on with what is kept either way."""
    assert end_with(error, output, chunks=2) == "10 rows are kept: run the same command again to continue"
    with staged(output, IDENTITY) as staging:
        assert staging.was_killed == died
        assert [commit.chunk for commit in staging.commits if staging.finished(commit.chunk)] == [0, 1]
        assert staging.finished(2) is None
        staging.remove()


def test_what_rotted_is_not_kept(output: Output, tmp_path: Path) -> None:
    """A part that is not what was committed is done again, and a torn line of the journal is written over."""
    end_with(RuntimeError(), output, chunks=3)
    folder = tmp_path / ".out.csv.staging"
    part, journal = folder / "part-00000.arrow", folder / "journal.jsonl"
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    journal.write_bytes(journal.read_bytes()[:-1])
    with staged(output, IDENTITY) as staging:
        assert [staging.finished(chunk) is not None for chunk in range(3)] == [False, True, False]
        for chunk in (0, 2):
            staging.commit(chunk, "", Part(NOTHING, NOTHING, None, []), Tally(ROWS), [])
    with staged(output, IDENTITY) as staging:
        assert all(staging.finished(chunk) for chunk in range(3))
        assert sum(commit.tally.rows_in for commit in staging.commits) == 3 * ROWS
        staging.remove()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_nothing(output: Output, tmp_path: Path) -> None:
    """A run that is stopped before its first chunk is done leaves no trace, and nothing is said to be kept."""
    assert end_with(KeyboardInterrupt(), output, chunks=0) == ""
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_for_bad_data(output: Output, tmp_path: Path) -> None:
    """Where the input has to change, what was done would not serve again."""
    assert end_with(BadDataError("cut short"), output, chunks=2) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": ["s.csv"]}, "the inputs changed"),
        ({"options": {"prefix": "m_", "max_tokens": 3}}, "prefix was , is m_; max_tokens was 64, is 3"),
    ],
)
def test_another_run(output: Output, change: dict[str, Any], said: str) -> None:
    """What was done for another run is not mixed in, but for nothing at all nobody is held up."""
    end_with(RuntimeError(), output, chunks=1)
    with pytest.raises(ConfigurationError, match=f"is unfinished, and {said}: undo the change"):
        open_and_close(output, IDENTITY | change)
    with staged(output, IDENTITY | change, restart=True) as staging:
        assert staging.commits == []
        staging.remove()
    end_with(RuntimeError(), output, chunks=0)
    with staged(output, IDENTITY | change) as staging:
        assert not staging.was_killed


def test_no_room(output: Output, tmp_path: Path) -> None:
    """A disk that has no room for what is expected is told before anything is written there."""
    with pytest.raises(CannotWriteError, match=r"out\.csv: about [0-9,]+ MB are needed in /.+, [0-9,]+ MB are free"):
        open_and_close(output, IDENTITY, expected_bytes=2**62)
    assert list(tmp_path.iterdir()) == []
