"""Real fine-tuning through the command line, on a two-layer model."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cli.process import Command, Result, error_line
from faults.waiting import wait_until
from safetensors import safe_open
from training.conftest import VERDICTS, write_reviews

from sentiment_batch.labels import FIVE_CLASSES

EPOCHS = 2
OPTIONS = ("--batch-size", "4", "--learning-rate", "0.005", "--output", "ckpt")
WORDS_FOR_THREE = [" ".join(words) for words in product(("film", "plot", "cast", "end"), repeat=2)]


def read_metrics(checkpoint: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((checkpoint / "metrics.json").read_text("utf-8"))
    return metrics


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, base: Path) -> tuple[Path, Result]:
    """A checkpoint after two epochs, and what the command printed."""
    folder = tmp_path_factory.mktemp("trained")
    write_reviews(folder / "x.tsv")
    return folder / "ckpt", _train(folder, base, "--epochs", EPOCHS)


def _train(folder: Path, base: Path, *more: str | int) -> Result:
    return Command(folder)("train", "--data", "x.tsv", "--base", base, *OPTIONS, *map(str, more))


def test_what_is_said(trained: tuple[Path, Result]) -> None:
    """The held-back accuracy and the checkpoint's place are printed to stderr, without a progress bar in a pipe."""
    _, result = trained
    assert (result.code, result.stdout) == (0, "")
    accuracy, place = result.stderr.splitlines()[-2:]
    assert accuracy.startswith("x.tsv: accuracy ")
    assert place == "written to ckpt"
    assert "it/s]" not in result.stderr


def test_held_out_rows_that_are_easier(base: Path, tmp_path: Path) -> None:
    """Where the held-out rows do better than the training rows, that is what is said."""
    easy = [f"the {noun} is {'superb ' * count}\t4" for noun, count in product(("film", "plot"), range(1, 13))]
    unclear = [f"the {noun} is plain\t{label}" for noun, label in product(("film", "plot", "cast", "end"), range(4))]
    for name, rows in (("x.tsv", easy + unclear), ("y.tsv", easy)):
        (tmp_path / name).write_text("\n".join(["review\tlabel", *rows]) + "\n", "utf-8")
    (tmp_path / "x.toml").write_text('[[corpus]]\nname = "x"\ntrain = "x.tsv"\ndev = "y.tsv"\n', "utf-8")
    options = ("--base", base, "--data-folder", tmp_path, "--epochs", "1")
    result = Command(tmp_path)("train", "--recipe", "x.toml", *options, *OPTIONS)
    assert result.code == 0, result.stderr
    assert re.search(
        r"^kept: epoch \d\.\d\d, \d+\.\d% less accurate on training rows than on", result.stderr, re.MULTILINE
    )


def test_checkpoint_is_complete_and_safe(trained: tuple[Path, Result]) -> None:
    """The checkpoint has labels, safetensors, tokenizer, metrics and a picture, but no pickles."""
    checkpoint, _ = trained
    config = json.loads((checkpoint / "config.json").read_text("utf-8"))
    assert config["id2label"] == {str(i): label for i, label in enumerate(FIVE_CLASSES)}
    assert config["label2id"] == {label: i for i, label in enumerate(FIVE_CLASSES)}
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert (checkpoint / "tokenizer.json").is_file()
    with safe_open(checkpoint / "model.safetensors", framework="np") as weights:
        assert weights.get_slice("classifier.weight").get_shape() == [5, 32]
    assert (checkpoint / "learning_curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert [path.name for path in checkpoint.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".pkl"}] == []


def test_metrics_tell_the_run(trained: tuple[Path, Result]) -> None:
    """metrics.json holds recipe, rows, steps and the numbers of each evaluation."""
    metrics = read_metrics(trained[0])
    rows = metrics["rows"]["x.tsv"]
    assert sum(rows.values()) == 150
    assert metrics["steps"] == EPOCHS * -(-rows["train"] // 4)
    assert metrics["dev"]["x.tsv"]["eval_rows"] == rows["dev"]
    assert metrics["recipe"]["labels"] == list(FIVE_CLASSES)
    assert metrics["recipe"]["options"]["epochs"] == EPOCHS
    rows_measured = {key: entry[key] for entry in metrics["history"] for key in entry if key.endswith("_rows")}
    assert rows_measured == dict.fromkeys(("eval_train_rows", "eval_dev_rows"), rows["dev"])
    evaluated = [entry["epoch"] for entry in metrics["history"] if "eval_dev_accuracy" in entry]
    assert evaluated == sorted(evaluated)
    assert len(evaluated) == EPOCHS * 2
    assert 0.9 * EPOCHS <= evaluated[-1] <= EPOCHS  # the end of the run is measured too, not only its third quarter
    assert any("loss" in entry for entry in metrics["history"])


def test_it_learns(trained: tuple[Path, Result]) -> None:
    """Labels given away by one word are learned: the loss falls, and held-back reviews are classified."""
    metrics = read_metrics(trained[0])
    losses = [entry["eval_dev_loss"] for entry in metrics["history"] if "eval_dev_loss" in entry]
    assert min(losses) < 0.5 * losses[0]
    assert metrics["dev"]["x.tsv"]["eval_accuracy"] >= 0.9


def test_an_existing_checkpoint_is_replaced_with_force_alone(
    trained: tuple[Path, Result], base: Path, tmp_path: Path
) -> None:
    """An existing checkpoint stays as it is without --force, and with it if the training cannot begin."""
    shutil.copytree(trained[0], tmp_path / "ckpt")
    write_reviews(tmp_path / "x.tsv")
    before = Command(tmp_path).contents()
    refused = _train(tmp_path, base)
    assert (refused.code, error_line(refused)) == (
        2,
        "ckpt exists: choose another output, or replace it with --force",
    )
    assert _train(tmp_path, base, "--force", "--restart", "--teacher", "typo").code == 66
    assert Command(tmp_path).contents() == before
    assert _train(tmp_path, base, "--force", "--epochs", "0.3").code == 0
    assert read_metrics(tmp_path / "ckpt")["recipe"]["options"]["epochs"] == 0.3


def test_the_same_command_continues(trained: tuple[Path, Result], base: Path, tmp_path: Path) -> None:
    """A stopped training says what is kept; only the same command continues it, to the same weights to the bit."""
    write_reviews(tmp_path / "x.tsv")
    command = Command(tmp_path, ("train", "--data", "x.tsv", "--base", str(base), *OPTIONS))
    with command.start("--epochs", str(EPOCHS)) as process:
        wait_until(lambda: any(tmp_path.glob(".ckpt.training/steps/*/sealed.json")), process)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate()
    told = error_line(Result(process.returncode, "", stderr.decode("utf-8")))
    assert process.returncode == 143
    step = re.fullmatch(
        r"stopped by SIGTERM before the end; kept up to step (\d+): run the same command again to continue", told
    )
    assert step
    before = command.contents()
    other = command("--epochs", str(EPOCHS), "--seed", "7")
    assert other.code == 78
    assert "is unfinished, and seed was 42, is 7: undo the change to continue it, or discard" in error_line(other)
    assert command.contents() == before
    kept = tmp_path / f".ckpt.training/steps/checkpoint-{step[1]}/trainer_state.json"
    measured = json.loads(kept.read_bytes())["log_history"]
    assert command("--epochs", str(EPOCHS)).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ckpt", "x.tsv"]
    assert read_metrics(tmp_path / "ckpt")["history"][: len(measured)] == measured  # with the first run's times
    weights = [(folder / "model.safetensors").read_bytes() for folder in (tmp_path / "ckpt", trained[0])]
    assert weights[0] == weights[1]
    figures = [
        [
            {key: value for key, value in entry.items() if not key.endswith(("_runtime", "_per_second"))}
            for entry in read_metrics(folder)["history"]
        ]
        for folder in (tmp_path / "ckpt", trained[0])
    ]
    assert figures[0] == figures[1]


def test_a_training_that_diverges(base: Path, tmp_path: Path) -> None:
    """A loss that is not a number ends the training with one line and no checkpoint."""
    write_reviews(tmp_path / "x.tsv")
    result = _train(tmp_path, base, "--epochs", EPOCHS, "--learning-rate", "1e9")
    assert result.code == 1
    assert re.fullmatch(r"the loss became nan after step \d+: lower the learning rate .*", error_line(result))
    assert "Warning" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]


@pytest.mark.parametrize(
    ("rows", "options", "code", "message"),
    [
        ("review\tlabel\nnice\t3\n", ("--labels", "good"), 2, "--labels needs at least two different names"),
        ("review\tlabel\nnice\t3\n", ("--labels", "bad,,good"), 2, "names, none of them empty"),
        ("review\tlabel\nnice\t3\n", (), 65, "x.tsv: too few rows"),
        (
            "review\tlabel\nnice\t3\n",
            ("--recipe", "x.toml"),
            2,
            "name the data with --data, or a --recipe: one of the two",
        ),
    ],
    ids=["one label", "an empty label", "nothing to hold back", "data and recipe"],
)
def test_data_that_cannot_be_trained_on(
    base: Path, tmp_path: Path, rows: str, options: tuple[str, ...], code: int, message: str
) -> None:
    """Data or options that cannot be trained with are reported in one line before anything is written."""
    (tmp_path / "x.tsv").write_text(rows, "utf-8")
    result = _train(tmp_path, base, *options)
    assert message in error_line(result)
    assert result.code == code
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]


def test_a_column_beside_a_recipe(base: Path, tmp_path: Path) -> None:
    """An option that the recipe decides is refused, not ignored."""
    write_reviews(tmp_path / "x.tsv")
    (tmp_path / "x.toml").write_text('[[corpus]]\nname = "x"\ntrain = "x.tsv"\n', "utf-8")
    result = Command(tmp_path)("train", "--recipe", "x.toml", "--label-column", "label", "-o", "ckpt")
    assert result.code == 2
    assert error_line(result) == "a recipe names its columns: put label_column there, not --label-column"
    result = Command(tmp_path)("train", "--data", "x.tsv", "--data-folder", ".", "-o", "ckpt")
    assert result.code == 2
    assert error_line(result) == "--data-folder requires --recipe: give --data the whole path"


def test_options_and_seeds(base: Path, tmp_path: Path) -> None:
    """The options on the command line are those of the run, and the spread over seeds is printed."""
    write_reviews(tmp_path / "x.tsv")
    options = ("--epochs", "0.3", "--seeds", 2, "--seed", 3, "--balanced", "--freeze-layers", 1, "--r-drop", "0.5")
    result = _train(tmp_path, base, *options, "--ema-decay", "0.9")
    assert result.code == 0
    told = re.search(r"^2 seeds: accuracy [\d.]+% ± [\d.]+% on dev, the best is [34]$", result.stderr, re.MULTILINE)
    assert told
    recorded = read_metrics(tmp_path / "ckpt")["recipe"]["options"]
    assert recorded | {"class_weights": "balanced", "freeze_layers": 1, "r_drop": 0.5, "ema_decay": 0.9} == recorded


def test_seeds_are_measured_on_the_same_texts(trained: tuple[Path, Result], tmp_path: Path) -> None:
    """Runs that learn next to nothing differ by nothing, however few of the texts are measured."""
    write_reviews(tmp_path / "x.tsv")
    (tmp_path / "x.toml").write_text(
        '[training]\nseeds = 2\ndev_rows = 2\nlearning_rate = 1e-30\n[[corpus]]\nname = "x"\ntrain = "x.tsv"\n', "utf-8"
    )
    options = ("--epochs", "0.1", "--base", trained[0], "--data-folder", tmp_path, "-o", "ckpt")
    result = Command(tmp_path)("train", "--recipe", "x.toml", *options)
    assert result.code == 0, result.stderr
    histories = [read_metrics(tmp_path / "ckpt" / f"seed-{seed}")["history"] for seed in (42, 43)]
    for key in ("eval_dev_loss", "eval_train_loss"):
        first, second = ([entry[key] for entry in history if key in entry] for history in histories)
        assert first == second


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--layer-decay", "0"), 2, "layer_decay is 0.0: it must be above 0, at most 1"),
        (("--epochs", "inf"), 2, "epochs is inf: it must be a number"),
        (("--freeze-layers", "3"), 78, "freeze_layers is 3, but the model has 2 layers"),
        (("--teacher", "nowhere"), 66, "no teacher checkpoint at nowhere: train it first"),
        (
            ("--max-tokens", "257"),
            78,
            "the base checkpoint reads at most 256 tokens, not 257: lower --max-tokens, or max_tokens",
        ),
    ],
    ids=[
        "out of range",
        "no number",
        "more layers than there are",
        "no teacher",
        "more tokens than there are positions",
    ],
)
def test_settings_that_contradict(
    base: Path, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    """Settings that contradict each other or the model are reported in one line."""
    write_reviews(tmp_path / "x.tsv")
    result = _train(tmp_path, base, *options)
    assert (result.code, error_line(result)) == (code, message)


def _in_pickle_form(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _of_a_wrong_type(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": "32"}), "utf-8")


def _too_large(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 2**50}), "utf-8")


def _of_other_sizes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 65}), "utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_in_pickle_form, "base needs weights in model.safetensors; it has only pytorch_model.bin, which can run code"),
        (_cut_short, "cannot load the base checkpoint 'base': "),
        (_of_a_wrong_type, "cannot load the base checkpoint 'base': "),
        (_too_large, "cannot load the base checkpoint 'base': "),
        (_of_other_sizes, "cannot load the base checkpoint 'base': bert.encoder.layer."),
    ],
)
def test_base_that_cannot_be_used(base: Path, tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    """A base that is unsafe to open or damaged is reported in one line before anything is written."""
    damage(shutil.copytree(base, tmp_path / "base"))
    write_reviews(tmp_path / "x.tsv")
    result = _train(tmp_path, Path("base"))
    assert result.code == 78
    assert error_line(result).startswith(message)
    assert not (tmp_path / "ckpt").exists()


def test_a_second_stage_remembers_the_first(trained: tuple[Path, Result], base: Path, tmp_path: Path) -> None:
    """A checkpoint trained from another one records what that one learned from, and keeps its head."""
    shutil.copytree(trained[0], tmp_path / "first")
    write_reviews(tmp_path / "x.tsv")
    assert _train(tmp_path, Path("first"), "--epochs", "0.3").code == 0
    first, second = read_metrics(trained[0]), read_metrics(tmp_path / "ckpt")
    assert first["earlier_stages"] == []
    assert second["earlier_stages"] == [
        {key: first[key] for key in ("recipe", "rows", "train_sha256", "steps", "best_step")}
    ]
    (tmp_path / "ckpt").rename(tmp_path / "second")
    assert _train(tmp_path, Path("second"), "--epochs", "0.3").code == 0
    bases = [stage["recipe"]["base"] for stage in read_metrics(tmp_path / "ckpt")["earlier_stages"]]
    assert bases == [str(base), "first"]
    earliest = next(entry for entry in second["history"] if "eval_dev_accuracy" in entry)
    assert earliest["eval_dev_accuracy"] >= 0.9


def test_measuring_on_what_was_trained_on(trained: tuple[Path, Result], tmp_path: Path) -> None:
    """export and evaluate warn of a file that the checkpoint was trained on, or the base of it, and of no other."""
    shutil.copytree(trained[0], tmp_path / "first")
    write_reviews(tmp_path / "x.tsv", nouns=("plot",))
    assert _train(tmp_path, Path("first"), "--epochs", "0.3").code == 0
    for name, nouns in (("before.tsv", ("film", "plot", "cast")), ("now.tsv", ("plot",)), ("other.tsv", ("film",))):
        write_reviews(tmp_path / name, nouns=nouns)
    data = ("--data", "before.tsv", "--data", "now.tsv", "--data", "other.tsv")
    for words in (("export", "--checkpoint", "ckpt"), ("evaluate", "--model", "bundle")):
        result = Command(tmp_path)(*words, *data)
        assert result.code == 0
        warnings = re.findall(r"^Warning: (.*): the model was trained on this file,", result.stderr, re.MULTILINE)
        assert warnings == ["before.tsv", "now.tsv"]


def test_a_base_with_other_labels(trained: tuple[Path, Result], tmp_path: Path) -> None:
    """A checkpoint for five labels can be the base for three: its body is kept, its head is new."""
    shutil.copytree(trained[0], tmp_path / "five")
    rows = [f"the {noun} is {word}\t{label}" for noun in WORDS_FOR_THREE for label, word in enumerate(VERDICTS[1:4])]
    (tmp_path / "x.tsv").write_text("\n".join(["review\tlabel", *rows]) + "\n", "utf-8")
    result = _train(tmp_path, Path("five"), "--labels", "negative, neutral, positive", "--epochs", "0.5")
    assert result.code == 0, result.stderr
    with safe_open(tmp_path / "ckpt" / "model.safetensors", framework="np") as weights:
        assert weights.get_slice("classifier.weight").get_shape() == [3, 32]
    assert json.loads((tmp_path / "ckpt" / "config.json").read_text("utf-8"))["id2label"]["2"] == "positive"
