"""Fine-tune a base model on the corpus, in full or with LoRA, by TRL's SFTTrainer.

    accelerate launch --config_file accelerate_config.yaml -m training.sft --config training/recipes/gpt2-lora.yaml
    python -m training.sft --config training/recipes/smollm2-full.yaml

The command line can override any key of a recipe: `--num_train_epochs 1 --output_dir runs/short`. The same command
resumes an interrupted run from its last checkpoint, and does nothing if the run is finished.
"""

import argparse
import copy
import sys

from dataset_builder.command import run_stage, stage_parser
from training.recipe import REFUSED_BY_SFT, SFTKeys, add_recipe_arguments, parse_recipe, recipe_words


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, SFTKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Train by the recipe."""
    main(recipe_words(arguments))


def main(words: list[str]) -> None:
    """Train by the recipe `--config FILE --KEY VALUE ...`."""
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.hardware import use_all_threads
    from dataset_builder.models.folders import find_encoder
    from eval.metrics.embedding import Encoder
    from training.guarded_trainer import explain_failures, explain_refused_values, save_run
    from training.paper_rows import RowCollator, load_tokenizer, paper_rows, row_lengths
    from training.row_trainer import RowTrainer
    from training.run_folder import begin_run
    from training.run_metrics import chosen_epoch, epoch_losses, run_environment, run_metrics
    from training.start_model import adapter_settings, find_start_model, model_arguments
    from training.validation import ValidationAnswers, ValidationAtEpochEnd

    recipe = parse_recipe(words, SFTKeys, SFTConfig, REFUSED_BY_SFT)
    args, keys = copy.copy(recipe.training), recipe.keys
    use_all_threads()

    # Rows
    base = find_start_model(recipe.base_model)
    tokenizer, positions = load_tokenizer(base.path)
    revision = corpus_revision(keys.dataset, keys.dataset_revision)
    train, validation = (load_corpus_split(keys.dataset, None, split, revision) for split in ("train", "validation"))
    answers, encoder, checked = None, None, read_questions(validation)
    if keys.validation_questions:
        encoder = find_encoder("encoder", keys.encoder)
        answers = ValidationAnswers(validation, keys.validation_questions, Encoder(encoder, "encoder"), tokenizer)
        checked = answers.questions
    max_tokens = min(args.max_length or positions, positions)
    rows, validation_rows = (
        Dataset.from_list(paper_rows(questions, tokenizer, max_tokens))
        for questions in (read_questions(train), checked)
    )

    # Run folder
    finished, checkpoint = begin_run(recipe, rows, base.fingerprint, encoder.fingerprint if encoder else None)
    if finished:
        return

    # Trainer
    args.model_init_kwargs = model_arguments(recipe.model)
    # Score the untrained model too, so that a run that makes it worse is noticed.
    args.eval_on_start = checkpoint is None
    with explain_failures(recipe.output_dir):
        with explain_refused_values():
            trainer = RowTrainer(
                model=recipe.base_model,
                args=args,
                train_dataset=rows,
                eval_dataset=validation_rows,
                similarity=answers.similarity if answers else None,
                data_collator=RowCollator(int(tokenizer.pad_token_id)),
                processing_class=tokenizer,
                peft_config=adapter_settings(recipe.model, recipe.base_model),
                callbacks=[ValidationAtEpochEnd()],
            )
        trainer.train(resume_from_checkpoint=checkpoint)
        metrics = run_metrics(
            trainer,
            recipe,
            recipe.base_model,
            revision,
            len(train),
            method="lora" if recipe.model.use_peft else "full",
            tokens_per_second=sum(row_lengths(rows)) * (trainer.state.epoch or 0.0) / trainer.stopwatch.seconds,
            validation=chosen_epoch(epoch_losses(trainer.state.log_history)),
        )
        save_run(trainer, metrics, run_environment(trainer))
    trainer.accelerator.end_training()


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
