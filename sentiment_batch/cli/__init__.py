"""The command line: parses, builds, calls, renders. Heavy imports stand inside the commands, so `--help` is instant."""

from sentiment_batch.cli.main import main

__all__ = ["main"]
