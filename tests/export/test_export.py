import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from cli.process import Command, error_line
from support import edit_json
from tiny_models import write_checkpoint

from sentiment_batch.behaviour import check_behaviour
from sentiment_batch.bundle import ModelBundle
from sentiment_batch.errors import BadDataError, CannotWriteError, ConfigurationError, SentimentBatchError, UsageError
from sentiment_batch.export import ExportOptions, ExportReport, Sample, export_bundle
from sentiment_batch.export.gate import PARITY_TOLERANCE
from sentiment_batch.labels import FIVE_CLASSES
from sentiment_batch.manifest import Quantization, read_manifest
from sentiment_batch.scoring import Scorer, ScoringOptions
from sentiment_batch.session import Device
from sentiment_batch.temperature import UNSCALED

Export = Callable[[str, Quantization], ExportReport]

TEXTS = ["a great film", "the plot was dull and awful", "not bad", "never again!", "fine", "good food but a bad movie"]


@pytest.fixture
def options(tmp_path: Path, checkpoint: Callable[[str], Path]) -> ExportOptions:
    return ExportOptions(
        str(checkpoint("bert")), tmp_path / "bundle", Quantization.PER_ROW, max_disagreement=1, max_accuracy_drop=1
    )


def unfit_for_int8(model: Any) -> None:
    """Shrink one channel and grow its weights: the same in float, but one large weight leaves int8 no steps for the
    rest.
    """
    for name, module in model.named_modules():
        if name.endswith("LayerNorm"):
            module.weight[0], module.bias[0] = 1e-5, 0
        elif name.endswith(("query", "key", "value", "intermediate.dense")):
            module.weight[:, 0] *= 1e5


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "roberta"])
@pytest.mark.parametrize("quantization", list(Quantization))
def test_the_bundle_loads(model_type: str, quantization: Quantization, exported: Export) -> None:
    """Every kind of export gives a bundle that the worker loads, with its labels and limits."""
    report = exported(model_type, quantization)
    bundle = ModelBundle.load(report.bundle.folder)
    assert bundle.labels == FIVE_CLASSES
    assert bundle.polarities == (-1, -0.5, 0, 0.5, 1)
    assert bundle.max_tokens == 128
    assert bundle.graph.name == report.description.graph
    assert report.description.opset in {entry.version for entry in onnx.load(bundle.graph).opset_import}


def test_the_folder_holds_five_plain_files(options: ExportOptions) -> None:
    """A bundle is one self-contained graph and four small files, with the permissions that the umask gives."""
    export_bundle(options, {})
    names = {path.name for path in options.output.iterdir()}
    assert names == {"README.md", "bundle.json", "config.json", "model_quantized.onnx", "tokenizer.json"}
    (options.output.parent / "plain").mkdir()
    assert options.output.stat().st_mode == (options.output.parent / "plain").stat().st_mode
    (options.output.parent / "plain").rmdir()
    assert list(options.output.parent.iterdir()) == [options.output]


def test_an_altered_file_is_refused(options: ExportOptions) -> None:
    """A bundle whose tokenizer changed after the export does not load."""
    export_bundle(options, {})
    path = options.output / "tokenizer.json"
    path.write_text(path.read_text("utf-8") + " ", "utf-8")
    with pytest.raises(ConfigurationError, match="not the file that was exported"):
        ModelBundle.load(options.output)


def test_a_graph_that_int8_ruins_is_refused(options: ExportOptions, tmp_path: Path) -> None:
    """Too many changed labels fail the export; the error gives their share, and nothing is left behind."""
    checkpoint = write_checkpoint(tmp_path / "checkpoint", change=unfit_for_int8)
    with pytest.raises(SentimentBatchError, match=r"another label than float for \d+\.\d\d% of 118 texts") as caught:
        export_bundle(replace(options, checkpoint=str(checkpoint), max_disagreement=0.02), {})
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == [checkpoint]


@pytest.mark.parametrize("model_type", ["bert", "distilbert"])
@pytest.mark.parametrize("quantization", list(Quantization))
def test_weights_that_are_no_numbers(model_type: str, quantization: Quantization, tmp_path: Path) -> None:
    """What is no number has the same label in every graph: it is refused as such, and leaves nothing behind."""

    def spoil(model: Any) -> None:
        model.classifier.weight[0, 0] = float("nan")

    checkpoint = write_checkpoint(tmp_path / "checkpoint", model_type, change=spoil)
    with pytest.raises(SentimentBatchError, match=r"gives no finite numbers for 6 of 6 texts: nothing was written"):
        export_bundle(ExportOptions(str(checkpoint), tmp_path / "bundle", quantization), {"six": Sample(TEXTS)})
    assert list(tmp_path.iterdir()) == [checkpoint]


def test_lost_accuracy_is_refused(options: ExportOptions, tmp_path: Path) -> None:
    """If int8 loses too much of the float graph's accuracy, the export fails and the error gives the accuracies."""
    checkpoint = write_checkpoint(tmp_path / "checkpoint", change=unfit_for_int8)
    options = replace(options, checkpoint=str(checkpoint), max_accuracy_drop=0.005)
    exact = export_bundle(replace(options, quantization=Quantization.NONE), {})
    with Scorer.load(exact.bundle.folder, ScoringOptions(Device.CPU)) as scorer:
        labels = scorer.score(TEXTS).probabilities.argmax(axis=1)
    with pytest.raises(SentimentBatchError, match=r"lowers the accuracy on 6 texts from 100\.00% to "):
        export_bundle(replace(options, force=True), {"six": Sample(TEXTS, labels)})
    assert ModelBundle.load(options.output) == exact.bundle


def test_samples_are_measured_by_name(options: ExportOptions) -> None:
    """Each sample has its own record in the manifest; true labels add accuracies for float and int8."""
    report = export_bundle(options, {"plain": Sample(TEXTS), "labelled": Sample([*TEXTS, ""], [0, 1, 2, 3, 4, 0, 1])})
    samples = read_manifest(options.output)["measured"]["samples"]
    assert samples["plain"]["float"] is None
    assert samples["labelled"]["int8"]["rows"] == 6
    assert set(samples["labelled"]["calibration"]) == {"unscaled", "scaled", "other_half", "by_chance"}
    assert "calibration" not in samples["plain"]
    assert 0 <= samples["labelled"]["agreement"] <= 1
    assert "labelled, 6 texts: same label" in report.summary()


@pytest.mark.parametrize("quantization", [Quantization.PER_ROW, Quantization.NONE])
def test_a_temperature_is_fitted_on_labelled_samples(options: ExportOptions, quantization: Quantization) -> None:
    """On labelled samples a temperature is fitted to scale confidence; manifest, card and summary give its values."""
    plain = export_bundle(replace(options, quantization=quantization), {"plain": Sample(TEXTS)})
    assert plain.bundle.temperature == UNSCALED
    assert "## Calibration" not in (options.output / "README.md").read_text("utf-8")
    with Scorer.load(options.output, ScoringOptions(Device.CPU)) as scorer:
        before = scorer.score(TEXTS)

    samples = {"wrong": Sample(TEXTS, before.probabilities.argmin(axis=1)), "plain": Sample(TEXTS)}
    report = export_bundle(replace(options, quantization=quantization, force=True), samples)
    temperature = report.bundle.temperature
    assert temperature.fitted_on == ("wrong",)
    assert min(temperature.values) > 1, temperature  # the model is too sure of wrong labels
    with Scorer.load(options.output, ScoringOptions(Device.CPU)) as scorer:
        after = scorer.score(TEXTS)
    assert after.probabilities.tobytes() == temperature.scale(before.probabilities, before.n_tokens).tobytes()
    card = (options.output / "README.md").read_text("utf-8")
    assert f"{temperature.values[0]:.2f} for 4 tokens" in card
    assert "fitted on wrong (" in card
    assert "calibration error, unscaled" in report.summary()


def test_behaviour_stands_in_the_card_on_request(options: ExportOptions) -> None:
    """On request the card lists pass rates, and they are those of the worker on the finished bundle."""
    export_bundle(options, {})
    assert "## Behaviour" not in (options.output / "README.md").read_text("utf-8")
    export_bundle(replace(options, behaviour=True, force=True), {})
    with Scorer.load(options.output, ScoringOptions(Device.CPU)) as scorer:
        outcomes = check_behaviour(lambda texts: scorer.score(texts).probabilities, scorer.bundle.polarities)
    card = (options.output / "README.md").read_text("utf-8")
    assert f"{sum(outcome.passed for outcome in outcomes.values())} of 200 cases" in card
    for kind, outcome in outcomes.items():
        assert f"| {kind} | {outcome.passed} of 10 |" in card


def test_a_config_may_leave_out_what_is_the_default(tmp_path: Path) -> None:
    """What config.json does not say is what transformers takes it to be, as in old checkpoints of the hub."""
    checkpoint = write_checkpoint(tmp_path / "checkpoint")
    left_out = {"hidden_act", "is_decoder", "layer_norm_eps", "position_embedding_type"}
    edit_json(checkpoint / "config.json", lambda config: [config.pop(name, None) for name in left_out])
    report = export_bundle(ExportOptions(str(checkpoint), tmp_path / "bundle", Quantization.NONE), {})
    assert report.description.measured["parity"]["optimum"] <= PARITY_TOLERANCE


@pytest.mark.parametrize(
    ("model_type", "change"), [("electra", {"chunk_size_feed_forward": 8}), ("bert", {"num_hidden_layers": 0})]
)
def test_layers_out_of_the_ordinary(tmp_path: Path, model_type: str, change: dict[str, int]) -> None:
    """A checkpoint that computes its layers in parts, to save memory, or has none is exported like any other."""
    checkpoint = write_checkpoint(tmp_path / "checkpoint", model_type)
    edit_json(checkpoint / "config.json", **change)
    report = export_bundle(ExportOptions(str(checkpoint), tmp_path / "bundle", Quantization.NONE), {})
    assert report.description.measured["parity"]["pytorch"] <= PARITY_TOLERANCE


def test_labels_that_do_not_fit_are_refused(options: ExportOptions) -> None:
    """A sample with fewer labels than texts, or a label that the model lacks, is bad data."""
    with pytest.raises(BadDataError, match="six has 6 texts and 2 labels"):
        export_bundle(options, {"six": Sample(TEXTS, [0, 1])})
    for label in (5, -1):
        with pytest.raises(BadDataError, match="six has a label that is no number from 0 to 4"):
            export_bundle(options, {"six": Sample(TEXTS, [0, 1, 2, 3, 4, label])})


def test_texts_without_tokens_are_refused(options: ExportOptions) -> None:
    """Samples whose texts have no tokens are refused: there is nothing to measure."""
    with pytest.raises(BadDataError, match="nothing has no text with any tokens"):
        export_bundle(options, {"nothing": Sample(["", " "])})


def test_what_is_there_is_not_overwritten(options: ExportOptions) -> None:
    """An existing bundle is replaced only with --force, any other folder never."""
    first = export_bundle(options, {})
    with pytest.raises(UsageError, match="bundle exists: choose another output, or replace it with --force"):
        export_bundle(options, {})
    assert ModelBundle.load(options.output) == first.bundle
    second = export_bundle(replace(options, quantization=Quantization.NONE, force=True), {})
    assert not (options.output / "model_quantized.onnx").exists()
    (second.bundle.folder / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"bundle holds 'notes\.txt', which sentiment-batch has not put there"):
        export_bundle(replace(options, force=True), {})
    (second.bundle.folder / "notes.txt").unlink()
    (second.bundle.folder / "bundle.json").unlink()
    with pytest.raises(UsageError, match=r"bundle holds 'README\.md', which sentiment-batch has not put there"):
        export_bundle(replace(options, force=True), {})


def test_an_empty_folder_is_filled(options: ExportOptions) -> None:
    """An existing empty folder can be the output."""
    options.output.mkdir()
    assert export_bundle(options, {}).bundle.folder == options.output


def test_outputs_that_cannot_be(options: ExportOptions, tmp_path: Path) -> None:
    """A missing parent folder, a link, a file and a name not in UTF-8 are refused before anything is loaded."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    reasons = {"no/where": "no folder", "link": "symbolic link", "file": "not a folder", "out\udcff": "not UTF-8"}
    for name, reason in reasons.items():
        with pytest.raises((CannotWriteError, UsageError), match=reason):
            export_bundle(replace(options, output=tmp_path / name), {})


def test_the_same_checkpoint_gives_the_same_graph(options: ExportOptions, tmp_path: Path) -> None:
    """Exporting the same checkpoint again gives the same bytes."""
    first, second = (export_bundle(replace(options, output=tmp_path / name), {}).bundle for name in ("one", "two"))
    assert first.graph.read_bytes() == second.graph.read_bytes()


def test_the_card_says_what_was_measured(exported: Export) -> None:
    """The card begins with front matter, and its numbers are those of the manifest."""
    report = exported("bert", Quantization.PER_ROW)
    card = (report.bundle.folder / "README.md").read_text("utf-8")
    assert re.match(r"---\nlibrary_name: onnx\npipeline_tag: text-classification\ntags:\n(- \S+\n)+---\n", card)
    assert f"{report.description.measured['int8_bytes']:,} bytes" in card
    assert f"{report.description.measured['samples']['built-in sample']['agreement']:.2%}" in card
    assert "| 4 | very positive | 1 |" in card


def test_nothing_tells_of_the_machine(exported: Export, checkpoint: Callable[[str], Path]) -> None:
    """No file of a bundle names a folder of the machine that exported it."""
    folder = exported("bert", Quantization.PER_ROW).bundle.folder
    for path in folder.iterdir():
        assert str(checkpoint("bert").parent).encode() not in path.read_bytes(), path.name
    assert "_name_or_path" not in json.loads((folder / "config.json").read_text("utf-8"))


def test_libraries_keep_silent(options: ExportOptions, capfd: pytest.CaptureFixture[str]) -> None:
    """The libraries print nothing to stdout or stderr."""
    steps: list[str] = []
    export_bundle(options, {}, steps.append)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert steps[0] == "writing optimum's float graph"


def test_labels_of_data_are_the_checkpoints(tmp_path: Path) -> None:
    """Labels in --data are read as the checkpoint's, in its order; a number that is none of theirs is bad data."""
    write_checkpoint(tmp_path / "checkpoint", labels=("positive", "negative"))
    (tmp_path / "named.csv").write_text("text,label\ngood,positive\nfine,positive\ngreat,0\nbad,negative\n", "utf-8")
    (tmp_path / "beyond.csv").write_text("text,label\ngood,0\nbad,2\n", "utf-8")
    export = Command(tmp_path, ("export", "--data"))
    assert export("named.csv").code == 0
    confusion = read_manifest(tmp_path / "bundle")["measured"]["samples"]["named.csv"]["confusion"]
    assert [sum(row) for row in confusion] == [3, 1]
    refused = export("beyond.csv", "--force")
    assert refused.code == 65
    assert error_line(refused).startswith(f"{tmp_path}/beyond.csv: record 2: label holds a number, which is none of")
