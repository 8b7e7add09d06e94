"""A hook of MkDocs: a page for each command, with what its `--help` says on the day when the site is built."""

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from sentiment_batch.cli.main import cli

PROGRAM = "sentiment-batch"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    with click.Context(cli, info_name=PROGRAM, terminal_width=100, **cli.context_settings) as group:
        files.append(_page(config, "index", PROGRAM, cli.get_help(group)))
        for name, command in cli.commands.items():
            with click.Context(command, info_name=name, parent=group) as context:
                files.append(_page(config, name, name, command.get_help(context)))
    return files


def _page(config: MkDocsConfig, stem: str, title: str, text: str) -> File:
    content = f"# {title}\n\n```text\n{text}\n```\n"
    return File.generated(config, f"commands/{stem}.md", content=content)
