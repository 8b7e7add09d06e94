"""docs/operations.md agrees with what the program does."""

import re
import shutil
from pathlib import Path

from cli.process import Command
from cli.tables import write_table
from cli.test_log_format import events
from cli.test_metrics_file import read

from sentiment_batch.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text("utf-8")


def listed(section: str) -> list[str]:
    """Return the first column of a section's table."""
    return re.findall(r"^\| `(\w+)` \|", PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0], re.MULTILINE)


def test_every_option_is_there() -> None:
    """Everything that the page presents as an option of `score` is one."""
    options = {option for parameter in cli.commands["score"].params for option in parameter.opts}
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert named <= options
    assert named >= {"--log-format", "--metrics-file", "--openlineage-file", "--compare-to", "--max-shift"}


def test_every_metric_is_listed(score: Command) -> None:
    """The metrics that a run with --compare-to writes are those of the table."""
    write_table(score.folder / "a.csv")
    assert score("a.csv").code == 0
    arguments = ("--compare-to", "a.scored.csv.receipt.json", "--metrics-file", "x.prom")
    assert score("a.csv", "-o", "b.csv", *arguments).code == 0
    assert listed("Metrics") == list(dict.fromkeys(name.split()[0] for name in read(score.folder / "x.prom")))


def test_every_event_is_listed(score: Command) -> None:
    """The table lists exactly the events that the program can write, and a run's events have the listed fields."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "sentiment_batch").rglob("*.py"))
    told = set(re.findall(r"\b(?:tell|announce|cls)\(\s*\"([a-z]+)\"", sources))
    assert set(listed("Log")) == told
    (score.folder / "r.csv").write_bytes(b"text\ngood\ngood,more\n")
    for event in events(score("r.csv", "--log-format", "json", "--max-reject-rate", "1")):
        [row] = re.findall(rf"^\| `{event['event']}` \| {event['level']} \| (.*) \|$", PAGE, re.MULTILINE)
        facts = set(re.findall(r"`(\w+)`", row)) - {"score"}
        assert facts <= event.keys()


def test_the_command_at_the_top(score: Command) -> None:
    """The command at the top of the page scores the inbox, prints nothing, and writes the files it names."""
    [command] = re.findall(r"```sh\nsentiment-batch score (.*?)\n```", PAGE, re.DOTALL)
    for folder in ("inbox", "scored"):
        (score.folder / folder).mkdir()
    shutil.copy(ROOT / "examples/reviews.csv", score.folder / "inbox")
    result = score(*command.replace("\\\n", "").split())
    assert (result.code, result.stderr) == (0, "")
    assert read(score.folder / "sentiment_batch.prom")["sentiment_batch_run_rows scored"] == 194
    assert len((score.folder / "lineage.jsonl").read_text().splitlines()) == 2
