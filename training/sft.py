"""Fine-tune a base model on the corpus, in full or with LoRA, by TRL's SFTTrainer.

    python -m training.sft --config training/recipes/smollm2-lora.yaml

The command line can override any key of a recipe: `--num_train_epochs 1 --output_dir runs/short`. The same command
resumes an interrupted run from its last checkpoint, and does nothing if the run is finished.
"""

import argparse
import copy
import sys
from typing import TYPE_CHECKING, Any

from dataset_builder.command import run_stage, stage_parser
from training.run.recipe import Recipe, SFTKeys, add_recipe_arguments, parse_recipe, recipe_words
from training.run.refused_keys import refuse_sft_keys

if TYPE_CHECKING:
    from trl.trainer.sft_config import SFTConfig


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, SFTKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Train by the recipe."""
    main(recipe_words(arguments))


def read_recipe(words: list[str]) -> "Recipe[SFTKeys, SFTConfig]":
    """Return the recipe `--config FILE --KEY VALUE ...`; raises `InputError` for a key that does not fit."""
    from trl.trainer.sft_config import SFTConfig

    from training.hardware import machine_defaults

    recipe = parse_recipe(words, machine_defaults(), SFTKeys, SFTConfig)
    refuse_sft_keys(recipe)
    return recipe


def main(words: list[str]) -> None:
    """Train by the recipe `--config FILE --KEY VALUE ...`."""
    from dataset_builder.hardware import use_all_threads
    from training.hardware import check_processes, compiled_padding, refuse_fsdp

    recipe = read_recipe(words)
    check_processes(recipe.training)
    if recipe.keys.validation_questions:
        refuse_fsdp(
            f"validation_questions {recipe.keys.validation_questions}: under FSDP no process has the whole model to "
            "answer with",
            "pass --validation_questions 0, which keeps the last epoch",
        )
    use_all_threads()

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.models.folders import find_encoder
    from eval.metrics.embedding import Encoder
    from training.data.sampler import row_lengths
    from training.data.sft_rows import sft_rows
    from training.data.tokenization import load_tokenizer
    from training.run.folder import begin_run
    from training.run.start_model import find_start_model
    from training.validation import ValidationAnswers

    # Tokenizer and rows
    args = copy.copy(recipe.training)
    dataset = recipe.keys.dataset
    base = find_start_model(recipe.base_model)
    tokenizer, positions = load_tokenizer(base.path)
    max_tokens = min(args.max_length or positions, positions)
    # Both splits are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(dataset, recipe.keys.dataset_revision)
    train, validation = (load_corpus_split(dataset, None, name, revision) for name in ("train", "validation"))
    count = recipe.keys.validation_questions
    answers, judges = None, []
    if count:
        encoder = find_encoder("encoder", recipe.keys.encoder)
        answers = ValidationAnswers(validation, count, Encoder(encoder, "encoder"), tokenizer)
        judges = [encoder.fingerprint]  # it chooses the epoch
    with args.main_process_first(desc="training rows"):
        train_rows, validation_rows = (
            sft_rows(split, tokenizer, max_tokens, recipe.keys.rows, pairs, args.dataset_num_proc)
            for split, pairs in ((train, None), (validation, answers.pairs if answers else None))
        )

    # Run folder
    finished, checkpoint = begin_run(recipe, train_rows, base.fingerprint, judges)
    if finished:
        return

    # Trainer
    from tqdm.contrib.logging import logging_redirect_tqdm
    from transformers import AutoConfig
    from trl.trainer.utils import get_peft_config

    from dataset_builder.token_rows.collator import RowCollator
    from training.run.artifacts import TrainingPairs, chosen_epoch, epoch_losses, run_metrics, save_run
    from training.run.failures import explain_failures, explain_refused_values
    from training.run.stopwatch import find_stopwatch
    from training.trainers.row_trainer import RowTrainer
    from training.validation import ValidationAtEpochEnd

    args.model_init_kwargs = {
        "attn_implementation": "sdpa",
        "dtype": recipe.model.dtype or "float32",
        "use_safetensors": True,
    }
    adapter: Any = get_peft_config(recipe.model)
    if adapter:
        # GPT-2's layers store their weights transposed; peft warns if it has to find that out itself.
        adapter.fan_in_fan_out = AutoConfig.from_pretrained(base.path).model_type == "gpt2"
    # Score the untrained model too, so that a run that makes it worse is noticed.
    args.eval_on_start = checkpoint is None
    padding = int(args.pad_to_multiple_of or (compiled_padding() if args.torch_compile else 1))
    with explain_failures(recipe.output_dir), logging_redirect_tqdm():
        with explain_refused_values():
            trainer = RowTrainer(
                similarity=answers.similarity if answers else None,
                model=recipe.base_model,
                args=args,
                train_dataset=train_rows,
                eval_dataset=validation_rows,
                data_collator=RowCollator(int(tokenizer.pad_token_id), padding),
                processing_class=tokenizer,
                peft_config=adapter,
                callbacks=[ValidationAtEpochEnd()],
            )
        trainer.train(resume_from_checkpoint=checkpoint)

        # Metrics and model
        stopwatch = find_stopwatch(trainer)
        epochs_per_second = (trainer.state.epoch or 0.0) / stopwatch.seconds
        tokens_per_second = int(row_lengths(train_rows).sum()) * epochs_per_second
        metrics = run_metrics(
            trainer,
            recipe,
            TrainingPairs(dataset, revision, len(train)),
            recipe.base_model,
            method="lora" if recipe.model.use_peft else "full",
            tokens_per_second=tokens_per_second,
            validation=chosen_epoch(epoch_losses(trainer.state.log_history)),
            rows=recipe.keys.rows,
        )
        save_run(trainer, metrics)
    trainer.accelerator.end_training()


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
