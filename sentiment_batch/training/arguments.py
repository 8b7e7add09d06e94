"""Convert a recipe's options to transformers' TrainingArguments."""

import math
import os
from pathlib import Path

import torch
from transformers import TrainingArguments

from sentiment_batch.hardware import cpu_flags
from sentiment_batch.training.recipe import TrainingOptions


def trainer_arguments(
    options: TrainingOptions, steps_folder: Path, rows: int, *, show_progress: bool
) -> TrainingArguments:
    """Return the arguments for epochs of `rows` rows, with the last steps saved in `steps_folder`."""
    steps = math.ceil(rows / options.batch_size / options.gradient_accumulation) * options.epochs
    interval = max(1, int(steps / max(1, round(options.epochs * options.evaluations_per_epoch))))
    # transformers stores its choice of precision here, and would reuse it for the next run in this process.
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    return TrainingArguments(
        output_dir=str(steps_folder),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        gradient_accumulation_steps=options.gradient_accumulation,
        remove_unused_columns=False,  # else soft labels would be removed
        learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_ratio=options.warmup_ratio,
        weight_decay=options.weight_decay,
        optim="adamw_torch_fused",
        bf16=in_bfloat16(options),
        use_cpu=not torch.cuda.is_available(),
        seed=options.seed,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,
        load_best_model_at_end=True,
        restore_callback_states_from_checkpoint=True,  # such as the patience used up so far
        metric_for_best_model="dev_accuracy",
        logging_steps=min(50, interval),
        report_to=[],
        disable_tqdm=not show_progress,
        log_level="error",
    )


def in_bfloat16(options: TrainingOptions) -> bool:
    if options.bfloat16 == "auto":
        return torch.cuda.is_available() or bool({"avx512_bf16", "amx_bf16"} & cpu_flags())
    return options.bfloat16 == "on"
