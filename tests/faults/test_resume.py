"""What has changed, or rotted, between a run that died and the next."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.process import error_line
from faults.conftest import NewTrial
from faults.injection import Calls, each, inject, needs_strace, stop_after_two_chunks
from faults.trial import DONE, INPUT, JOURNAL, OUTPUT, RECEIPT, REJECTS, ROWS, ROWS_UP_TO, Trial
from faults.waiting import continue_stopped, wait_until

pytestmark = needs_strace

PART = ".r.scored.csv.staging/part-00000.arrow"


def _append(trial: Trial) -> None:
    with (trial.folder / "r.csv").open("a") as file:
        file.write("more,good\n")


def _replace(trial: Trial) -> None:
    (trial.folder / "new").write_text(INPUT.replace("0,good", "0,evil", 1))
    (trial.folder / "new").replace(trial.folder / "r.csv")


def _touch(trial: Trial) -> None:
    os.utime(trial.folder / "r.csv")


def test_torn_journal(new_trial: NewTrial, calls: Calls) -> None:
    """Wherever the journal is cut, what is whole is used and the rest is done again."""
    whole = new_trial("torn journal")
    stop_after_two_chunks(whole, calls)
    journal = (whole.folder / JOURNAL).read_bytes()
    last = journal.rstrip(b"\n").rindex(b"\n") + 1
    back = [1, 2, (len(journal) - last) // 2, len(journal) - last - 1, len(journal) - last, len(journal) - last + 1]

    def attempt(trial: Trial, count: int) -> None:
        stop_after_two_chunks(trial, calls)
        os.truncate(trial.folder / JOURNAL, (trial.folder / JOURNAL).stat().st_size - count)
        trial.require_recovery()

    each(back, lambda: new_trial("torn journal"), attempt)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_rotten_part(new_trial: NewTrial, calls: Calls, damage: str) -> None:
    """A finished part that is no longer what was committed is found, and its chunk scored again."""
    trial = new_trial("rotten part")
    stop_after_two_chunks(trial, calls)
    part = trial.folder / PART
    content = bytearray(part.read_bytes())
    match damage:
        case "flipped":
            content[len(content) // 2] ^= 1
            part.write_bytes(content)
        case "cut":
            part.write_bytes(content[:-1])
        case "gone":
            part.unlink()
    trial.require_recovery()


@pytest.mark.parametrize("change", [_append, _replace, _touch])
def test_changed_input(new_trial: NewTrial, calls: Calls, change: Callable[[Trial], None]) -> None:
    """An unfinished run does not continue with changed inputs: exit code 78, and the message says what to do."""
    trial = new_trial("changed input")
    stop_after_two_chunks(trial, calls)
    change(trial)
    _require_refusal(trial, "the inputs changed")
    assert trial.score(*trial.arguments, "--restart").code == DONE
    assert not (trial.folder / JOURNAL).exists()
    assert trial.receipt()["output"]["bytes"] == (trial.folder / OUTPUT).stat().st_size


def test_dry_run_beside_an_unfinished_run(new_trial: NewTrial, calls: Calls) -> None:
    """--dry-run finds out whether the unfinished run can be continued, and leaves it as it is."""
    trial = new_trial("changed input")
    stop_after_two_chunks(trial, calls)
    # The lock of the run that died means nothing.
    (trial.folder / ".r.scored.csv.lock").unlink()
    before = trial.score.contents()
    assert trial.score(*trial.arguments, "--dry-run").code == 0
    _touch(trial)
    result = trial.score(*trial.arguments, "--dry-run")
    assert result.code == 78
    assert "the inputs changed" in error_line(result)
    assert trial.score(*trial.arguments, "--dry-run", "--restart").code == 0
    assert trial.score.contents() == before


def test_changed_input_with_new_only(new_trial: NewTrial, calls: Calls) -> None:
    """A file that grew while its run was unfinished is scored from the start: nobody is there to say --restart."""
    trial = new_trial("changed input")
    stop_after_two_chunks(trial, calls)
    (trial.folder / "scored").mkdir()
    (trial.folder / JOURNAL).parent.rename(trial.folder / "scored/.r.csv.staging")
    _append(trial)
    options = ("--settle", "0", "-q", "--max-reject-rate", "0.01", "--json")
    result = trial.score("r.csv", "-o", "scored/", "--new-only", *options)
    assert result.code == DONE, result.stderr
    assert json.loads(result.stdout)["rows_in"] == ROWS + 1


def test_rejects_that_are_edited_meanwhile(new_trial: NewTrial, calls: Calls) -> None:
    """An output that is scored anew does not take the place of rejects that somebody has begun to mend."""
    trial = new_trial("changed rejects")
    assert trial.run().code == DONE
    (trial.folder / OUTPUT).unlink()
    rejects = trial.folder / REJECTS
    [_, first, *_] = calls.numbers("write", "/journal.jsonl>")
    result = continue_stopped(trial, "write", first, lambda _: rejects.write_text("mended"))
    assert result.code == 2
    assert error_line(result).startswith(f"{REJECTS} has been edited: run `sentiment-batch retry-rejects {OUTPUT}`")
    assert trial.score.contents().keys() == {"r.csv", REJECTS, RECEIPT}
    assert rejects.read_text() == "mended"


def test_rejects_that_are_edited_in_between(new_trial: NewTrial, calls: Calls) -> None:
    """Rejects of a run that was killed before its receipt are not written over once somebody has begun to mend them."""
    trial = new_trial("changed rejects")
    *_, last = calls.numbers("rename", RECEIPT)
    assert trial.run(*inject("rename", "signal=KILL", last)).code < 0
    rejects = trial.folder / REJECTS
    rejects.write_text("mended")
    result = trial.run()
    assert (result.code, rejects.read_text()) == (78, "mended")
    assert error_line(result).startswith(f"{REJECTS} has been edited while a run was unfinished: move it away")
    rejects.unlink()
    trial.require_recovery()


def test_changed_option(new_trial: NewTrial, calls: Calls) -> None:
    """An unfinished run does not continue with other options, but does with the old ones."""
    trial = new_trial("changed option")
    stop_after_two_chunks(trial, calls)
    _require_refusal(trial, "long_text was head-tail, is head", "--long-text", "head")
    trial.require_recovery()


def test_changed_model(new_trial: NewTrial, calls: Calls, tmp_path: Path) -> None:
    """An unfinished run does not continue with another model, but does with the old one."""
    trial = new_trial("changed model")
    stop_after_two_chunks(trial, calls)
    model = Path(shutil.copytree(trial.score.words[2], tmp_path / "other"))
    bundle = json.loads((model / "bundle.json").read_text())
    (model / "bundle.json").write_text(json.dumps(bundle | {"max_tokens": 63}))
    _require_refusal(trial, "the model sha256 changed", "--model", str(model))
    trial.require_recovery()


def test_changed_version(new_trial: NewTrial, calls: Calls) -> None:
    """An unfinished run does not go on with another version of what the result depends on."""
    trial = new_trial("changed version")
    stop_after_two_chunks(trial, calls)
    run, *commits = trial.journal()
    lines = [run | {"versions": run["versions"] | {"tokenizers": "0.1"}}, *commits]
    (trial.folder / JOURNAL).write_text("".join(json.dumps(line) + "\n" for line in lines))
    _require_refusal(trial, "tokenizers was 0.1, is ")


HEADER, *LINES = INPUT.splitlines(keepends=True)


@pytest.mark.parametrize(
    "other",
    [[LINES[0].replace("good", "evil"), *LINES[1:]], LINES[: ROWS_UP_TO[1]]],
    ids=["another", "one that ends sooner"],
)
def test_changed_stream(new_trial: NewTrial, other: list[str]) -> None:
    """An unfinished run does not go on with another stream; that is found out by what is read."""
    trial = new_trial("changed input")
    (trial.folder / "none.csv").write_text(HEADER)
    command = ("none.csv", "-", "-o", OUTPUT, "-q", "--max-reject-rate", "0.01")
    stream = "".join([HEADER, *LINES, *LINES]).encode()
    with trial.score.start(*command) as process:
        assert process.stdin
        process.stdin.write(stream)
        process.stdin.flush()  # but there may be more: the stream does not end
        wait_until(lambda: len(trial.commits()) == 2, process)
        process.terminate()
        assert process.wait() == 143
    result = trial.score(*command, stdin="".join([HEADER, *other]).encode())
    assert (result.code, error_line(result)) == (
        78,
        "- has changed since the unfinished run began: start over with --restart",
    )
    assert not (trial.folder / OUTPUT).exists()
    assert trial.score(*command, stdin=stream).code == DONE
    assert trial.receipt()["rows_in"] == 2 * len(LINES)


@pytest.mark.parametrize("change", [_append, _replace, _touch])
def test_input_changed_while_it_is_read(new_trial: NewTrial, calls: Calls, change: Callable[[Trial], None]) -> None:
    """Rows of an input that changed while it was read are not published; the same command again reads it anew."""
    trial = new_trial("changed input")
    [_, first, *_] = calls.numbers("write", "/journal.jsonl>")
    _require_not_published(trial, ("write", first), change)


def test_input_replaced_just_after_it_was_opened(new_trial: NewTrial, calls: Calls) -> None:
    """Rows of an input that was replaced before its first row was read are not published either."""
    trial = new_trial("changed input")
    _require_not_published(trial, ("openat", calls.numbers("openat", "/r.csv")[-1]), _replace)


def _require_not_published(trial: Trial, call: tuple[str, int], change: Callable[[Trial], None]) -> None:
    """Stop the run at a call, change its input and let it go on; check that it publishes nothing."""
    name, number = call
    result = continue_stopped(trial, name, number, lambda _: change(trial))
    assert result.code == 65
    assert error_line(result) == f"{OUTPUT}: an input changed while it was read: run the same command again"
    assert trial.score.contents().keys() == {"r.csv"}
    assert trial.run().code == DONE
    assert (trial.folder / RECEIPT).exists()


def _require_refusal(trial: Trial, change: str, *options: str) -> None:
    # The lock of the run that died means nothing.
    (trial.folder / ".r.scored.csv.lock").unlink()
    before = trial.score.contents()
    result = trial.score(*trial.arguments, *options)
    assert result.code == 78
    started = trial.journal()[0]["started"]
    assert error_line(result).startswith(f"{OUTPUT}: a run that began at {started} is unfinished, and {change}")
    assert error_line(result).endswith("undo the change to continue it, or discard its work with --restart")
    assert trial.score.contents() == before
