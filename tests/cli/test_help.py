"""What the command prints about itself."""

import json
import re
from importlib.metadata import version

import pytest
from cli.process import Command

from sentiment_batch.cli.main import cli
from sentiment_batch.hardware import cpu_flags, int8_products

COMMANDS = sorted(cli.commands)


def test_the_commands_are_these() -> None:
    """The main commands are registered."""
    assert {"score", "predict", "train", "evaluate", "export", "info"} <= set(COMMANDS)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_overview(command: Command, flag: str) -> None:
    """The overview shows examples, then options, then every command with a line about it, then the exit codes."""
    result = command(flag)
    assert (result.code, result.stderr) == (0, "")
    headings = re.findall(r"^ *(Examples|Options|Commands|Exit codes):$", result.stdout, re.MULTILINE)
    assert headings == ["Examples", "Options", "Commands", "Exit codes"]
    listed = dict(re.findall(r"^  ([a-z-]+) +(\S.*)$", result.stdout.partition("Commands:")[2], re.MULTILINE))
    assert sorted(listed.keys() & set(COMMANDS)) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(command: Command, name: str) -> None:
    """The help of every command says what it does, shows examples of it first, and explains its options."""
    result = command(name, "-h")
    assert (result.code, result.stderr) == (0, "")
    description, examples, options = re.split(r"^ *(?:Examples|Options):$", result.stdout, flags=re.MULTILINE)
    assert len(description.splitlines()) >= 3
    assert f"  sentiment-batch {name} " in examples or f"  sentiment-batch {name}\n" in examples
    assert "-h, --help" in options


def test_version(command: Command) -> None:
    """--version prints the version of the installed package."""
    result = command("--version")
    assert (result.code, result.stdout) == (0, f"sentiment-batch, version {version('sentiment-batch')}\n")


def test_shell_completion(command: Command) -> None:
    """bash can be told to complete commands and options."""
    script = command(environment={"_SENTIMENT_BATCH_COMPLETE": "bash_source"})
    assert script.code == 0
    assert "complete -o nosort -F _sentiment_batch_completion sentiment-batch" in script.stdout
    words = {"COMP_WORDS": "sentiment-batch pre", "COMP_CWORD": "1"}
    found = command(environment={"_SENTIMENT_BATCH_COMPLETE": "bash_complete", **words})
    assert found.stdout == "plain,predict\n"


def test_info_json(command: Command) -> None:
    """`info --json` holds versions, processor, available providers, threads and the default model."""
    facts = json.loads(command("info", "--json").stdout)
    assert facts["versions"]["sentiment-batch"] == version("sentiment-batch")
    assert facts["versions"]["onnxruntime"] == version("onnxruntime")
    assert facts["providers"]["cpu"] == "yes"
    assert facts["processor"]["8-bit products"] == int8_products(cpu_flags())
    assert facts["threads"]["count"] >= 1
    assert facts["threads"]["from"] in {"CPU affinity", "cgroup CPU quota"}
    model = facts["default model"]
    assert model["labels"] == ["very negative", "negative", "neutral", "positive", "very positive"]
    assert model["quantization"] == "per-row"
    assert re.fullmatch("[0-9a-f]{64}", model["sha256"])


def test_info_for_people(command: Command) -> None:
    """info prints the same facts as lines."""
    result = command("info")
    assert (result.code, result.stderr) == (0, "")
    for line in ("versions:", "processor:", "providers:", "threads:", "default model:", "  cpu: yes"):
        assert line in result.stdout.splitlines()
