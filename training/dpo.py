"""Align a LoRA adapter with the evaluation by DPO: prefer the best of its own sampled answers to the worst.

    python -m training.dpo --config training/recipes/smollm2-dpo.yaml

`model_name_or_path` is the run folder of the adapter to start from, which is the reference model, too. First the
adapter answers each training question several times, as `training.best_of_n` does; `training/alignment/ranking.py`
says how the answers are ranked. The same command resumes an interrupted run, and does nothing if the run is finished
and the folder of the ranked answers is still there.
"""

import argparse
import copy
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from training.run.recipe import DPOKeys, Recipe, add_recipe_arguments, parse_recipe, recipe_words
from training.run.refused_keys import refuse_dpo_keys

if TYPE_CHECKING:
    from trl.trainer.dpo_config import DPOConfig

logger = logging.getLogger(__name__)

# The log-probabilities by the reference model, which a run that continues reads.
REFERENCE = ".partial.reference"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, DPOKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Sample answers and align the adapter by the recipe."""
    main(recipe_words(arguments))


def read_recipe(words: list[str]) -> "Recipe[DPOKeys, DPOConfig]":
    """Return the recipe `--config FILE --KEY VALUE ...`; raises `InputError` for a key that does not fit."""
    from trl.trainer.dpo_config import DPOConfig

    from training.hardware import machine_defaults

    recipe = parse_recipe(words, machine_defaults(), DPOKeys, DPOConfig)
    refuse_dpo_keys(recipe)
    return recipe


def main(words: list[str]) -> None:
    """Align by the recipe `--config FILE --KEY VALUE ...`."""
    from dataset_builder.hardware import use_all_threads
    from training.hardware import check_processes, refuse_fsdp

    recipe = read_recipe(words)
    check_processes(recipe.training)
    refuse_fsdp("training.dpo: under FSDP no process has the whole model for the log-probabilities before training")
    use_all_threads()

    from datasets import Dataset

    from dataset_builder.corpus.load import load_corpus_split
    from dataset_builder.hub.changes import CARD_FILE
    from dataset_builder.models.folders import find_encoder
    from eval.metrics.embedding import Encoder
    from eval.run_metrics import AnswerSampling
    from training.best_of_n import best_of_n
    from training.data.preferences import preference_rows, read_preferences, tokens_by_answer
    from training.data.tokenization import load_tokenizer
    from training.run.folder import begin_run
    from training.run.start_model import find_start_adapter, load_start_adapter
    from training.validation import ValidationAnswers

    # Adapter, sampled answers, rows
    args, keys = copy.copy(recipe.training), recipe.keys
    adapter, base = find_start_adapter(recipe.base_model)
    if args.world_size > 1 and not (Path(keys.preferences) / CARD_FILE).is_file():
        raise InputError(
            f"preferences {keys.preferences}: no finished answers there, and only one process can sample them; run "
            "`python -m training.best_of_n` first"
        )
    sampled = best_of_n(
        recipe.base_model,
        keys.dataset,
        Path(keys.preferences),
        AnswerSampling(samples=keys.samples, temperature=keys.temperature, seed=args.seed),
        keys.encoder,
        dataset_revision=keys.dataset_revision,
        verifier=keys.verifier,
    )
    preferences = read_preferences(load_corpus_split(keys.preferences, None, "train"))
    if not preferences:
        raise InputError(
            f"preferences {keys.preferences}: no sampled answer is better than another one; draw more --samples, or "
            "raise --temperature"
        )
    tokenizer, positions = load_tokenizer(base.path)
    rows = preference_rows(preferences, tokenizer, min(args.max_length or positions, positions))
    validation = load_corpus_split(keys.preferences, None, "validation")
    count = keys.validation_questions
    answers = None
    if count:
        encoder = Encoder(find_encoder("encoder", keys.encoder), "encoder")
        answers = ValidationAnswers(validation, count, encoder, tokenizer)

    # Run folder
    train_rows = Dataset.from_list(rows)
    finished, checkpoint = begin_run(recipe, train_rows, adapter.fingerprint)
    if finished:
        return

    # Trainer
    from tqdm.contrib.logging import logging_redirect_tqdm

    from dataset_builder.journal import Journal
    from eval.run_metrics import StepPreference
    from training.alignment.preference_trainer import PreferenceTrainer, RowReference
    from training.data.preferences import PreferenceCollator
    from training.run.artifacts import TrainingPairs, last_validation, run_metrics, save_run
    from training.run.failures import explain_failures, explain_refused_values
    from training.run.stopwatch import find_stopwatch
    from training.validation import ValidationBeforeAndAfter

    tokens = sum(len(row["input_ids"]) for row in rows)
    if args.process_index == 0:
        times = tokens_by_answer(rows) / tokens
        logger.info(
            "%d questions on %d papers: %d tokens, %.1f times fewer than with a row for each answer",
            *(len(preferences), len(rows), tokens, times),
        )
    decisive = (adapter.fingerprint, rows, recipe.model.dtype, args.bf16, args.fp16, args.ld_alpha)
    stem = f"{REFERENCE}.{sha256_of_text(repr(decisive))[:16]}"
    with explain_failures(recipe.output_dir), logging_redirect_tqdm():
        with explain_refused_values():
            trainer = PreferenceTrainer(
                model=load_start_adapter(adapter, base, recipe.model.dtype or "float32"),
                args=args,
                train_dataset=train_rows,
                data_collator=PreferenceCollator(int(tokenizer.pad_token_id)),
                processing_class=tokenizer,
                callbacks=[ValidationBeforeAndAfter(answers)] if answers else [],
            )
        reference = Journal(recipe.output_dir, stem, RowReference, args.process_index)
        trainer.add_reference(reference)
        trainer.train(resume_from_checkpoint=checkpoint)

        # Metrics and adapter
        metrics = run_metrics(
            trainer,
            recipe,
            TrainingPairs(keys.dataset, sampled.dataset_revision, len(preferences)),
            base.given,
            method="dpo",
            tokens_per_second=tokens * (trainer.state.epoch or 0.0) / find_stopwatch(trainer).seconds,
            validation=last_validation(trainer),
            adapter=recipe.base_model,
            preference_by_step=[
                StepPreference(
                    step=int(entry["step"]), margin=entry["rewards/margins"], accuracy=entry["rewards/accuracies"]
                )
                for entry in trainer.state.log_history
                if "rewards/margins" in entry
            ],
            samples=sampled,
        )
        if trainer.is_world_process_zero():
            for path in recipe.output_dir.glob(f"{REFERENCE}.*"):
                path.unlink()
        save_run(trainer, metrics)
    trainer.accelerator.end_training()


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
