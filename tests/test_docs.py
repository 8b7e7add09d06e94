"""The documentation site: it builds, covers every command, and its commands can be typed as shown."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from test_readme import ROOT, run

from sentiment_batch import errors
from sentiment_batch.cli.main import cli

PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(language, content, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", *PAGES)
    for number, (language, content) in enumerate(BLOCK.findall(page.read_text("utf-8")))
]


class Site(HTMLParser):
    """What a page loads, and its text."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text = ""
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what is fetched without a click."""
        if tag != "a":
            self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it: a broken link or anchor is an error."""
    assert "mkdocs build --strict\n" in (ROOT / "Makefile").read_text("utf-8")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    """Every file in docs/ is a page with a title; benchmarks, model card and changelog are pages too."""
    for name in ("index", "benchmarks", "changelog", "model", "commands/index"):
        assert (site / f"{name}.html").exists()
    for page in PAGES:
        assert (site / page.with_suffix(".html").name).exists()
        assert page.read_text("utf-8").startswith("# ")


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_documented(site: Path, name: str) -> None:
    """Each command has a page with all that its --help says, and every option is mentioned there."""
    done = subprocess.run(
        [sys.executable, "-m", "sentiment_batch", name, "--help"],
        env={"COLUMNS": "100", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = " ".join(Site(site / "commands" / f"{name}.html").text.split())
    lines = [line.split() for line in done.stdout.splitlines()[1:] if line.strip()]  # the first names the program
    assert [words for words in lines if " ".join(words) not in text] == []
    for option in cli.commands[name].params:
        assert all(words in text for words in option.opts if words.startswith("-"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No page asks another host for a font, a style, a script or a picture."""
    for page in site.rglob("*.html"):
        assert [link for link in Site(page).loaded if re.match(r"(https?:)?//", link)] == []
    for style in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//", style.read_text("utf-8")) == []


@pytest.mark.parametrize(("language", "content"), BLOCKS)
def test_blocks_are_what_they_claim_to_be(language: str, content: str) -> None:
    """JSON and TOML parse, Python compiles, and every command line uses commands and options that exist."""
    match language:
        case "json":
            json.loads(content)
        case "toml":
            tomllib.loads(content)
        case "python":
            compile(content, "block", "exec")
        case "sh" | "text" | "console":
            for line in content.replace("\\\n", " ").splitlines():
                for words in re.findall(r"(?:^|[|;&] *)sentiment-batch ([^|;&>]*)", line):
                    require_understood(shlex.split(words, comments=True))


def require_understood(words: list[str]) -> None:
    """Fail unless the command line can be parsed; nothing is run."""
    with click.Context(cli, obj={}) as group:
        name, command, rest = cli.resolve_command(group, words)
        assert command is not None
        command.make_context(name, rest, parent=group).close()


def test_a_wrong_command_line_is_not_understood() -> None:
    """The check above would notice a wrong command line."""
    with pytest.raises(click.UsageError):
        require_understood(["score", "r.csv", "--no-such-option"])
    with pytest.raises(click.UsageError):
        require_understood(["socre", "r.csv"])


def test_the_quick_start_runs(tmp_path: Path) -> None:
    """The commands of the first page run one after the other beside the examples."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    blocks = [content for language, content in BLOCK.findall((ROOT / "docs/index.md").read_text("utf-8"))]
    assert blocks
    done = run("\n".join(blocks), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "report.html").exists()


def test_every_exit_code_is_documented() -> None:
    """The page on exit codes lists those of the errors, and exactly those that the command's overview lists."""
    page = (ROOT / "docs/exit-codes.md").read_text("utf-8")
    documented = set(map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE)))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    raised = {kind.exit_code for kind in kinds if issubclass(kind, errors.SentimentBatchError)}
    listed = set(map(int, re.findall(r"\b(\d+)(?=,|  | )", (cli.epilog or "").partition("Exit codes:")[2])))
    assert documented >= raised
    assert documented == listed
