"""The command line of the benchmarks."""

import signal

import click

from benchmarks.amx import deny_amx
from benchmarks.model_commands import operators_command, profile_command, throughput_command
from benchmarks.process_commands import (
    cluster_command,
    endtoend_command,
    latency_command,
    memory_command,
    scaling_command,
)


@click.group()
@click.option("--without-amx", is_flag=True, help="Measure as on an x86-64 processor that has no AMX.")
def main(*, without_amx: bool) -> None:
    """Measure the worker: Markdown on stdout, progress on stderr."""
    if without_amx:
        deny_amx()
    # Like Ctrl-C: child processes end, and temporary folders are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


for command in (
    throughput_command,
    profile_command,
    operators_command,
    endtoend_command,
    scaling_command,
    cluster_command,
    memory_command,
    latency_command,
):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
