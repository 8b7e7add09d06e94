"""Measure how long the command line takes to answer: whole processes, from start to end."""

from dataclasses import asdict
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.process import report_progress, run, sentiment_batch
from benchmarks.report import Report, Spread, table

# Command line, and the seconds within which it must answer.
COMMANDS = {
    'predict "I had an awesome day!"': (("predict", "I had an awesome day!"), 1.5),
    "--help": (("--help",), 0.3),
}


def latency(bundle: Path | None, repeat: int) -> Report:
    """Time each command `repeat` times, taking turns; `bundle` None: the embedded model."""
    machine = describe()
    runs: dict[str, list[float]] = {title: [] for title in COMMANDS}
    for turn in range(repeat):
        for title, (words, _) in COMMANDS.items():
            model = ("--model", bundle) if bundle is not None and words[0] == "predict" else ()
            runs[title].append(run(sentiment_batch(*words, *model)).seconds)
            report_progress(f"{turn + 1}/{repeat} {title}: {runs[title][-1]:.2f} s")
    seconds = {title: Spread.of(values) for title, values in runs.items()}
    figures = table(
        ("`sentiment-batch …`", "seconds", "target"),
        [(f"`{title}`", seconds[title].show(2), f"< {target}") for title, (_, target) in COMMANDS.items()],
    )
    facts = {"machine": asdict(machine), "seconds": {title: asdict(spread) for title, spread in seconds.items()}}
    return Report(f"{machine.markdown()}\n\n{figures}", facts)
