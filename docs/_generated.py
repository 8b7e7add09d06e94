"""A hook of MkDocs: pages that are made when the site is built, so that nothing is written twice."""

from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from sentiment_batch.cli.main import cli

PROGRAM = "sentiment-batch"
ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {
    "benchmarks.md": ROOT / "benchmarks" / "README.md",
    "changelog.md": ROOT / "CHANGELOG.md",
    "model.md": ROOT / "sentiment_batch" / "models" / "default" / "README.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what stands elsewhere in the repository, and a page for each command, with what its `--help` says."""
    for name, path in ELSEWHERE.items():
        files.append(File.generated(config, name, content=path.read_text("utf-8")))
    for picture in (ROOT / "benchmarks").glob("*.png"):
        files.append(File.generated(config, picture.name, content=picture.read_bytes()))
    with click.Context(cli, info_name=PROGRAM, terminal_width=100, **cli.context_settings) as group:
        files.append(_page(config, "index", PROGRAM, cli.get_help(group)))
        for name, command in cli.commands.items():
            with click.Context(command, info_name=name, parent=group) as context:
                files.append(_page(config, name, name, command.get_help(context)))
    return files


def _page(config: MkDocsConfig, stem: str, title: str, text: str) -> File:
    return File.generated(config, f"commands/{stem}.md", content=f"# {title}\n\n```text\n{text}\n```\n")
