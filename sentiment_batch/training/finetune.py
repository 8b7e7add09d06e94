"""Fine-tuning: a recipe and its corpora to a checkpoint folder. transformers' Trainer does the work."""

import dataclasses
import json
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PrinterCallback,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint, set_seed

from sentiment_batch.errors import BadDataError
from sentiment_batch.hardware import cpu_flags
from sentiment_batch.metrics import measure
from sentiment_batch.text import Tokenizer
from sentiment_batch.training.averaging import WeightAveraging
from sentiment_batch.training.checkpoint import earlier_stages, load_pretrained
from sentiment_batch.training.corpora import Corpus
from sentiment_batch.training.curves import save_learning_curves, summarize
from sentiment_batch.training.distillation import soft_labels
from sentiment_batch.training.encoded import EncodedTexts, MixedBatches
from sentiment_batch.training.layers import GradualUnfreezing, freeze
from sentiment_batch.training.losses import Objective, balanced_weights
from sentiment_batch.training.recipe import Recipe, TrainingOptions
from sentiment_batch.training.trainer import FinetuningTrainer


def finetune(
    recipe: Recipe, corpora: Sequence[Corpus], output: Path, *, resume: bool, show_progress: bool
) -> dict[str, Any]:
    """Train on the corpora together and leave the best checkpoint in `output`; returns the metrics written there.

    `corpora` are those of the recipe, in its order. `output` receives config.json, model.safetensors, the tokenizer,
    `metrics.json` and `learning_curves.png`; `output/steps/` keeps the last checkpoints for `resume`.
    """
    options = recipe.options
    for corpus in corpora:
        if not len(corpus.train) or not len(corpus.dev):
            raise BadDataError(f"{corpus.name}: too few rows, or groups of rows, to train on some and hold some back")
    set_seed(options.seed)
    earlier = earlier_stages(recipe.base)
    tokenizer, model = load_pretrained(recipe.base, recipe.labels)
    freeze(model, options)
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        shutil.rmtree(output / "steps", ignore_errors=True)  # or a later --resume would go on with an older run
    tokenizer.save_pretrained(output)
    train_parts, dev_parts = _encode(recipe, corpora, output / "tokenizer.json")
    train = EncodedTexts.concatenate(train_parts)
    sampler = MixedBatches(
        [len(tokens) for tokens in train.tokens],
        [len(part) for part in train_parts],
        [spec.weight for spec in recipe.corpora],
        options.batch_size,
        options.seed,
    )
    # As many of the rows trained on as of those held back: the distance between the two is what was only memorized.
    trained = EncodedTexts.concatenate([part.sample(options.dev_rows, options.seed) for part in train_parts])

    trainer = FinetuningTrainer(
        options=options,
        objective=_objective(options, train, len(recipe.labels)),
        sampler=sampler,
        averaging=WeightAveraging(options.ema_decay) if options.ema_decay else None,
        model=model,
        args=_arguments(recipe, output, len(sampler), show_progress=show_progress),
        train_dataset=_with_teachers(train, recipe, output / "tokenizer.json"),
        eval_dataset={"train": trained, "dev": EncodedTexts.concatenate(list(dev_parts.values()))},
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=_compute_metrics,
        callbacks=_callbacks(options),
    )
    trainer.remove_callback(PrinterCallback)  # it prints the log to stdout
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(output / "steps")) if resume else None)
    trainer.model.save_pretrained(output)  # not save_model, which adds a pickle of the arguments
    history = list(trainer.state.log_history)  # the evaluations below would be appended
    dev = {name: trainer.evaluate(part) for name, part in dev_parts.items()}
    metrics = {
        "recipe": recipe.to_dict(),
        "earlier_stages": earlier,
        "rows": {corpus.name: {"train": len(corpus.train), "dev": len(corpus.dev)} for corpus in corpora},
        "steps": trainer.state.global_step,
        "best_step": trainer.state.best_global_step,
        **summarize(history, trainer.state.best_global_step),
        "dev": dev,
        "history": history,
    }
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    save_learning_curves(history, metrics["best_epoch"], output / "learning_curves.png")
    return metrics


def _encode(
    recipe: Recipe, corpora: Sequence[Corpus], tokenizer: Path
) -> tuple[list[EncodedTexts], dict[str, EncodedTexts]]:
    """What is trained on, by corpus, and a sample of each part that is held back, by name."""
    options = recipe.options
    train, dev = [], {}
    for spec, corpus in zip(recipe.corpora, corpora, strict=True):
        encoder = Tokenizer(tokenizer, spec.max_tokens or options.max_tokens, options.long_text)
        train.append(EncodedTexts.encode(corpus.train, encoder))
        for name, part in corpus.held_back().items():
            dev[name] = EncodedTexts.encode(part.sample(options.dev_rows, options.seed), encoder)
    return train, dev


def _with_teachers(train: EncodedTexts, recipe: Recipe, tokenizer: Path) -> EncodedTexts:
    options = recipe.options
    if not options.teachers:
        return train
    teachers = [Path(teacher) for teacher in options.teachers]
    soft = soft_labels(
        teachers,
        train.tokens,
        recipe.labels,
        options.temperature,
        tokenizer=tokenizer,
        bfloat16=_in_bfloat16(options),
    )
    return dataclasses.replace(train, soft_labels=soft)


def _objective(options: TrainingOptions, train: EncodedTexts, count: int) -> Objective:
    weights = None
    if options.class_weights == "balanced":
        weights = balanced_weights(torch.from_numpy(train.labels), count)
    elif options.class_weights:
        weights = torch.tensor(options.class_weights)
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


def _arguments(recipe: Recipe, output: Path, rows: int, *, show_progress: bool) -> TrainingArguments:
    options = recipe.options
    steps = math.ceil(rows / options.batch_size / options.gradient_accumulation) * options.epochs
    interval = max(1, int(steps / max(1, round(options.epochs * options.evaluations_per_epoch))))
    # transformers leaves its choice of precision here, and would take it up again for the next run of this process.
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    return TrainingArguments(
        output_dir=str(output / "steps"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        gradient_accumulation_steps=options.gradient_accumulation,
        remove_unused_columns=False,  # or soft labels would be
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_ratio=options.warmup_ratio,
        weight_decay=options.weight_decay,
        optim="adamw_torch_fused",
        bf16=_in_bfloat16(options),
        use_cpu=not torch.cuda.is_available(),
        seed=options.seed,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="dev_accuracy",
        logging_steps=min(50, interval),
        report_to=[],
        disable_tqdm=not show_progress,
        log_level="error",
    )


def _in_bfloat16(options: TrainingOptions) -> bool:
    if options.bfloat16 == "auto":
        return torch.cuda.is_available() or bool({"avx512_bf16", "amx_bf16"} & cpu_flags())
    return options.bfloat16 == "on"


def _compute_metrics(prediction: EvalPrediction) -> dict[str, float | None]:
    logits = torch.from_numpy(prediction.predictions)
    return dataclasses.asdict(measure(logits.softmax(dim=1).numpy(), prediction.label_ids))
