"""Fine-tune on a recipe's corpora into a checkpoint folder. transformers' Trainer does the work."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PrinterCallback,
    TrainerCallback,
)
from transformers.trainer_utils import set_seed

from sentiment_batch.checkpoint import require_embeddings
from sentiment_batch.errors import BadDataError, ConfigurationError
from sentiment_batch.labels import polarities
from sentiment_batch.metrics import measure
from sentiment_batch.model_config import most_tokens
from sentiment_batch.text import Tokenizer
from sentiment_batch.training.arguments import in_bfloat16, trainer_arguments
from sentiment_batch.training.averaging import WeightAveraging
from sentiment_batch.training.checkpoint import earlier_stages, load_pretrained
from sentiment_batch.training.corpora import Corpus
from sentiment_batch.training.curves import save_learning_curves, summarize
from sentiment_batch.training.distillation import check_teachers, require_positions, soft_labels
from sentiment_batch.training.encoded import EncodedTexts, MixedBatches
from sentiment_batch.training.layers import GradualUnfreezing, freeze
from sentiment_batch.training.losses import Objective, weigh_labels
from sentiment_batch.training.recipe import Recipe, TrainingOptions
from sentiment_batch.training.sealing import StepSealing, is_intact, last_step, seal
from sentiment_batch.training.staging import METRICS
from sentiment_batch.training.trainer import FinetuningTrainer

# Not the run's: runs with several seeds are compared by the same texts.
_SAMPLING_SEED = 42


@dataclass(frozen=True)
class Base:
    """What a training starts from: a tokenizer, and a model with the training `stages` that it has been through."""

    tokenizer: Any
    model: Any
    stages: list[dict[str, Any]]


def prepare(recipe: Recipe, corpora: Sequence[Corpus]) -> Base:
    """Load the base checkpoint and check everything that the training will need, before anything is written.

    Raises BadDataError, NoInputError or ConfigurationError for data, a base or teachers that cannot be used.
    """
    options = recipe.options
    for spec, corpus in zip(recipe.corpora, corpora, strict=True):
        if not len(corpus.train) or not len(corpus.dev):
            raise BadDataError(f"{corpus.name}: too few rows, or groups of rows, to train on some and hold some back")
        if not round(len(corpus.train) * spec.weight):
            raise BadDataError(
                f"{corpus.name}: at weight {spec.weight:g} an epoch shows none of {len(corpus.train)} rows: raise it"
            )
    set_seed(options.seed)  # a new head is initialized at random
    stages = earlier_stages(recipe.base)
    tokenizer, model = load_pretrained(recipe.base, recipe.labels)
    freeze(model, options)
    if tokenizer.pad_token is None:
        raise ConfigurationError(
            f"the tokenizer of the base checkpoint {recipe.base!r} has no padding token: name one as pad_token in its "
            "tokenizer_config.json"
        )
    embeddings = model.get_input_embeddings().num_embeddings
    require_embeddings(tokenizer.get_vocab(), embeddings, f"the base checkpoint {recipe.base!r}")
    longest = max(options.max_tokens, *(spec.max_tokens or 0 for spec in recipe.corpora))
    require_positions(most_tokens(model.config.to_dict()), longest, "the base checkpoint")
    check_teachers([Path(teacher) for teacher in options.teachers], recipe.labels, tokenizer, longest)
    return Base(tokenizer, model, stages)


def finetune(
    base: Base, recipe: Recipe, corpora: Sequence[Corpus], folder: Path, *, show_progress: bool
) -> dict[str, Any]:
    """Train on all corpora together and save the best checkpoint; returns its metrics.

    `corpora` are the recipe's, in its order. `folder/checkpoint/` receives config.json, model.safetensors, the
    tokenizer, `metrics.json` and `learning_curves.png`, and is sealed; `folder/steps/` holds the last saved steps, from
    which the same call resumes. Raises DivergedError.
    """
    checkpoint, steps = folder / "checkpoint", folder / "steps"
    if is_intact(checkpoint):
        finished: dict[str, Any] = json.loads((checkpoint / METRICS).read_bytes())
        return finished
    shutil.rmtree(checkpoint, ignore_errors=True)
    checkpoint.mkdir(parents=True)
    base.tokenizer.save_pretrained(checkpoint)
    options = recipe.options
    train_parts, dev_parts, trained = _encode(recipe, corpora, checkpoint / "tokenizer.json")
    train = EncodedTexts.concatenate(train_parts)
    sampler = MixedBatches(
        [len(tokens) for tokens in train.tokens],
        [len(part) for part in train_parts],
        [spec.weight for spec in recipe.corpora],
        options.batch_size,
        options.seed,
    )

    trainer = FinetuningTrainer(
        options=options,
        objective=_objective(recipe, train_parts),
        sampler=sampler,
        averaging=WeightAveraging(options.ema_decay) if options.ema_decay else None,
        model=base.model,
        args=trainer_arguments(options, steps, len(sampler), show_progress=show_progress),
        train_dataset=_with_teachers(train, recipe),
        eval_dataset={
            "train": EncodedTexts.concatenate(trained),
            "dev": EncodedTexts.concatenate(list(dev_parts.values())),
        },
        data_collator=DataCollatorWithPadding(base.tokenizer),
        compute_metrics=partial(_compute_metrics, values=polarities(recipe.labels)),
        callbacks=_callbacks(options),
    )
    trainer.remove_callback(PrinterCallback)  # it prints the log to stdout
    trainer.add_callback(StepSealing())  # must come last
    trainer.train(resume_from_checkpoint=last_step(steps))
    trainer.model.save_pretrained(checkpoint)  # not save_model, which adds a pickle of the arguments
    # Without the evaluations below, and without transformers' summary, which in a resumed run divides the losses since
    # then by all steps.
    history = [entry for entry in trainer.state.log_history if "train_loss" not in entry]
    dev = {name: trainer.evaluate(part) for name, part in dev_parts.items()}
    metrics = {
        "recipe": recipe.to_dict(),
        "earlier_stages": base.stages,
        "rows": {corpus.name: {"train": len(corpus.train), "dev": len(corpus.dev)} for corpus in corpora},
        "train_sha256": {corpus.name: corpus.train_sha256 for corpus in corpora},
        "steps": trainer.state.global_step,
        "best_step": trainer.state.best_global_step,
        **summarize(history, trainer.state.best_global_step),
        "dev": dev,
        "history": history,
    }
    (checkpoint / METRICS).write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    save_learning_curves(history, metrics["best_epoch"], checkpoint / "learning_curves.png")
    seal(checkpoint)
    return metrics


def _encode(
    recipe: Recipe, corpora: Sequence[Corpus], tokenizer: Path
) -> tuple[list[EncodedTexts], dict[str, EncodedTexts], list[EncodedTexts]]:
    """Tokenize the training texts, by corpus, and a sample of each held-out part that is not empty, by name.

    The third are as many training texts of the same kinds: how much better they do is what was merely memorized. Raises
    BadDataError for a corpus without texts to train on or to measure on.
    """
    options = recipe.options
    train: list[EncodedTexts] = []
    dev: dict[str, EncodedTexts] = {}
    trained: list[EncodedTexts] = []
    for spec, corpus in zip(recipe.corpora, corpora, strict=True):
        encoder = Tokenizer(tokenizer, spec.max_tokens or options.max_tokens, options.long_text)
        train.append(EncodedTexts.encode(corpus.train, encoder))
        counterparts = corpus.counterparts()
        for name, part in corpus.held_back().items():
            held = EncodedTexts.encode(part.sample(options.dev_rows, _SAMPLING_SEED), encoder)
            if len(held):
                dev[name] = held
                trained.append(EncodedTexts.encode(counterparts[name].sample(len(held), _SAMPLING_SEED), encoder))
        if not len(train[-1]) or corpus.name not in dev:
            raise BadDataError(f"{corpus.name}: no text with any tokens to train on, or none to hold back")
    return train, dev, trained


def _with_teachers(train: EncodedTexts, recipe: Recipe) -> EncodedTexts:
    options = recipe.options
    if not options.teachers:
        return train
    teachers = [Path(teacher) for teacher in options.teachers]
    soft = soft_labels(teachers, train.tokens, recipe.labels, options.temperature, bfloat16=in_bfloat16(options))
    return dataclasses.replace(train, soft_labels=soft)


def _objective(recipe: Recipe, train: Sequence[EncodedTexts]) -> Objective:
    """`train`: the training texts, by corpus."""
    options, weights = recipe.options, None
    if options.class_weights:
        shown = [
            spec.weight * np.bincount(part.labels, minlength=len(recipe.labels))
            for spec, part in zip(recipe.corpora, train, strict=True)
        ]
        weights = weigh_labels(options.class_weights, torch.tensor(sum(shown), dtype=torch.float32))
    return Objective(
        weights,
        options.label_smoothing,
        options.ordinal,
        options.r_drop,
        options.temperature,
        options.teacher_share,
    )


def _callbacks(options: TrainingOptions) -> list[TrainerCallback]:
    stopping = EarlyStoppingCallback(early_stopping_patience=options.patience)
    return [stopping, GradualUnfreezing(options)] if options.unfreeze_every else [stopping]


def _compute_metrics(prediction: EvalPrediction, values: tuple[float, ...] | None) -> dict[str, float | None]:
    """`values` are the labels' polarities."""
    logits = torch.from_numpy(prediction.predictions)
    return dataclasses.asdict(measure(logits.softmax(dim=1).numpy(), prediction.label_ids, values))
