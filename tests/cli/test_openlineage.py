"""`score --openlineage-file`: events as OpenLineage's own classes accept them."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from cli.process import Command, error_line
from cli.tables import ADDED, MORE_THAN_A_PIPE_HOLDS, REVIEWS, write_table
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent
from openlineage.client.facet_v2 import error_message_run, output_statistics_output_dataset, schema_dataset

FACETS = {
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "schema": lambda fields: schema_dataset.SchemaDatasetFacet(
        [schema_dataset.SchemaDatasetFacetFields(**field) for field in fields]
    ),
}
EVENTS = ("--openlineage-file", "events.jsonl")


def read(path: Path) -> list[RunEvent]:
    """Read each line with the specification's classes, which accept no other fields and check ids, times and URIs."""
    return [_event(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _event(event: dict[str, Any]) -> RunEvent:
    assert event.pop("schemaURL") == RunEvent._get_schema()
    assert urlparse(event["producer"]).scheme
    run, job = event.pop("run"), event.pop("job")
    inputs = [_dataset(InputDataset, dataset) for dataset in event.pop("inputs")]
    outputs = [_dataset(OutputDataset, dataset) for dataset in event.pop("outputs")]
    run["facets"] = _facets(run["facets"])
    return RunEvent(run=Run(**run), job=Job(**job), inputs=inputs, outputs=outputs, **event)


def _dataset(kind: type, dataset: dict[str, Any]) -> Any:
    facets = {name: _facets(dataset[name]) for name in ("facets", "outputFacets") if name in dataset}
    return kind(**dataset | facets)


def _facets(facets: dict[str, Any]) -> dict[str, Any]:
    made = {}
    for name, facet in facets.items():
        assert facet.pop("_producer").startswith("urn:sentiment-batch:")
        schema = facet.pop("_schemaURL")
        made[name] = FACETS[name](**facet)
        assert made[name]._get_schema().partition("#")[0] == schema
    return made


def kinds(events: list[RunEvent]) -> list[Any]:
    return [event.eventType for event in events]


def test_a_run(score: Command) -> None:
    """A run writes START and COMPLETE, with its input, its output, the output's columns and its row count."""
    write_table(score.folder / "r.csv")
    assert score("r.csv", *EVENTS, environment={"OPENLINEAGE_NAMESPACE": "nightly"}).code == 0
    start, complete = read(score.folder / "events.jsonl")
    assert kinds([start, complete]) == ["START", "COMPLETE"]
    assert start.run.runId == complete.run.runId
    assert start.eventTime < complete.eventTime
    assert start.job == complete.job == Job("nightly", "sentiment-batch.score")
    [source], [target] = complete.inputs, complete.outputs
    assert (source.namespace, source.name) == ("file", str(score.folder / "r.csv"))
    assert (target.namespace, target.name) == ("file", str(score.folder / "r.scored.csv"))
    assert [field.name for field in target.facets["schema"].fields] == [*REVIEWS[0], *ADDED]
    assert target.outputFacets["outputStatistics"].rowCount == len(REVIEWS)


def test_columns_of_objects(score: Command) -> None:
    """The columns of JSON Lines are in the event too."""
    write_table(score.folder / "r.jsonl")
    assert score("r.jsonl", *EVENTS).code == 0
    fields = read(score.folder / "events.jsonl")[0].outputs[0].facets["schema"].fields
    assert [field.name for field in fields] == [*REVIEWS[0], *ADDED]


@pytest.mark.parametrize(
    ("options", "content", "end"),
    [((), b"id,text\n1,good\n2,bad,more\n", "FAIL"), (("--deadline", "00:00:00"), b"text\ngood\n", None)],
)
def test_a_failed_run(score: Command, options: tuple[str, ...], content: bytes, end: str | None) -> None:
    """A run that fails says why; one that never began writes nothing. Events are appended to those already there."""
    write_table(score.folder / "before.csv")
    assert score("before.csv", *EVENTS).code == 0
    (score.folder / "r.csv").write_bytes(content)
    result = score("r.csv", *EVENTS, *options)
    events = read(score.folder / "events.jsonl")
    assert kinds(events) == ["START", "COMPLETE", *(["START", end] if end else [])]
    if end:
        assert events[-1].run.facets["errorMessage"].message == error_line(result)
        assert len({event.run.runId for event in events}) == 2


def test_stopped(score: Command) -> None:
    """A run stopped by SIGTERM is reported as aborted."""
    with score.start("-", "-o", "out.csv", *EVENTS) as process:
        assert process.stdin
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        process.stdin.flush()
        process.terminate()
        assert process.wait() == 143
    events = read(score.folder / "events.jsonl")
    assert kinds(events) == ["START", "ABORT"]
    assert events[0].inputs[0].name == "/dev/stdin"


def test_each_file_of_a_folder(score: Command) -> None:
    """With --new-only every file is a run, even after one that fails; a file that cannot be started is none."""
    for folder in ("inbox", "scored"):
        (score.folder / folder).mkdir()
    write_table(score.folder / "inbox/b.csv")
    (score.folder / "inbox/a.csv").write_bytes(b"id,text\n1,good,more\n")
    (score.folder / "inbox/c.csv").write_bytes(b"")
    assert score("inbox/", "-o", "scored/", "--new-only", "--settle", "0", "-q", *EVENTS).code == 3
    assert kinds(read(score.folder / "events.jsonl")) == ["START", "FAIL", "START", "COMPLETE"]


def test_it_cannot_be_written(score: Command) -> None:
    """A missing folder for the events is reported before anything is scored."""
    write_table(score.folder / "r.csv")
    result = score("r.csv", "--openlineage-file", "nowhere/events.jsonl")
    assert (result.code, error_line(result)) == (73, "nowhere/events.jsonl: no folder nowhere/: create it first")
    assert list(score.contents()) == ["r.csv"]


def test_each_of_several_outputs(score: Command) -> None:
    """Where others are scored behind an output that fails, its run has an end of its own."""
    (score.folder / "a.csv").write_bytes(b"id,text\n1,good,more\n")
    write_table(score.folder / "b.csv")
    assert score("a.csv", "b.csv", *EVENTS).code == 65
    events = read(score.folder / "events.jsonl")
    assert [(event.eventType, Path(event.outputs[0].name).name) for event in events] == [
        *(("START", "a.scored.csv"), ("FAIL", "a.scored.csv")),
        *(("START", "b.scored.csv"), ("COMPLETE", "b.scored.csv")),
    ]
