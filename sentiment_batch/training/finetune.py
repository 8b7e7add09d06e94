"""Fine-tuning: a recipe and its corpora to a checkpoint folder. transformers' Trainer does the work."""

import dataclasses
import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint, set_seed

from sentiment_batch.errors import BadDataError
from sentiment_batch.hardware import cpu_flags
from sentiment_batch.metrics import measure
from sentiment_batch.text import Tokenizer
from sentiment_batch.training.checkpoint import load_pretrained
from sentiment_batch.training.corpora import Corpus, LabelledTexts, concatenate
from sentiment_batch.training.curves import save_learning_curves
from sentiment_batch.training.recipe import Recipe

# Below this length PyTorch's fused CPU attention loses to plain matrix products (measured on bfloat16 AMX).
_FUSED_ATTENTION_FROM = 160


class _Encoded:
    """Texts as token ids, cut to the training length by the same code that cuts them for scoring."""

    def __init__(self, examples: LabelledTexts, tokenizer: Tokenizer) -> None:
        self._pieces = [encoded.pieces for encoded in tokenizer.encode(examples.texts)]
        self._labels = examples.labels.tolist()
        self._rows = [row for row, pieces in enumerate(self._pieces) if pieces]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self._rows[index]
        return {"input_ids": self._pieces[row][0], "label": self._labels[row]}


class _Trainer(Trainer):  # type: ignore[misc]  # transformers is not followed
    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        fused = inputs["input_ids"].shape[1] >= _FUSED_ATTENTION_FROM
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH] if fused else [SDPBackend.MATH]):
            return super().compute_loss(model, inputs, *args, **kwargs)


def finetune(
    recipe: Recipe, corpora: Sequence[Corpus], output: Path, *, resume: bool, show_progress: bool
) -> dict[str, Any]:
    """Train on the corpora together and leave the best checkpoint in `output`; returns the metrics written there.

    `output` receives config.json, model.safetensors, the tokenizer, `metrics.json` and `learning_curves.png`;
    `output/steps/` keeps the last checkpoints for `resume`.
    """
    options = recipe.options
    for corpus in corpora:
        if not len(corpus.train) or not len(corpus.dev):
            raise BadDataError(f"{corpus.name}: too few rows to train on some and hold some back")
    set_seed(options.seed)
    tokenizer, model = load_pretrained(recipe.base, recipe.labels)
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        shutil.rmtree(output / "steps", ignore_errors=True)  # or a later --resume would go on with an older run
    tokenizer.save_pretrained(output)
    encoder = Tokenizer(output / "tokenizer.json", options.max_tokens, options.long_text)
    train = _Encoded(concatenate(corpus.train for corpus in corpora), encoder)
    dev_parts = {corpus.name: corpus.dev.sample(options.dev_rows, options.seed) for corpus in corpora}

    trainer = _Trainer(
        model=model,
        args=_arguments(recipe, output, len(train), show_progress=show_progress),
        train_dataset=train,
        eval_dataset=_Encoded(concatenate(dev_parts.values()), encoder),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=_compute_metrics,
        callbacks=[EarlyStoppingCallback(early_stopping_patience=options.patience)],
    )
    trainer.remove_callback(PrinterCallback)  # it prints the log to stdout
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(output / "steps")) if resume else None)
    trainer.model.save_pretrained(output)  # not save_model, which adds a pickle of the arguments
    history = list(trainer.state.log_history)  # the evaluations below would be appended
    dev = {name: trainer.evaluate(_Encoded(part, encoder)) for name, part in dev_parts.items()}
    metrics = {
        "recipe": recipe.to_dict(),
        "rows": {corpus.name: {"train": len(corpus.train), "dev": len(corpus.dev)} for corpus in corpora},
        "steps": trainer.state.global_step,
        "best_step": trainer.state.best_global_step,
        "dev": dev,
        "history": history,
    }
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    save_learning_curves(history, output / "learning_curves.png")
    return metrics


def _arguments(recipe: Recipe, output: Path, rows: int, *, show_progress: bool) -> TrainingArguments:
    options = recipe.options
    steps = math.ceil(rows / options.batch_size) * options.epochs
    interval = max(1, int(steps / max(1, round(options.epochs * options.evaluations_per_epoch))))
    on_cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(output / "steps"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        group_by_length=True,
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_ratio=options.warmup_ratio,
        weight_decay=options.weight_decay,
        optim="adamw_torch_fused",
        bf16=not on_cpu or bool({"avx512_bf16", "amx_bf16"} & cpu_flags()),
        use_cpu=on_cpu,
        seed=options.seed,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        logging_steps=min(50, interval),
        report_to=[],
        disable_tqdm=not show_progress,
        log_level="error",
    )


def _compute_metrics(prediction: EvalPrediction) -> dict[str, float | None]:
    logits = torch.from_numpy(prediction.predictions)
    return dataclasses.asdict(measure(logits.softmax(dim=1).numpy(), prediction.label_ids))
