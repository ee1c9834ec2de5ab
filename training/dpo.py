"""Align a LoRA adapter with the evaluation by DPO: prefer the best of its own sampled answers to the worst.

    python -m training.dpo --config training/recipes/smollm2-dpo.yaml

`model_name_or_path` is the run folder of the adapter to start from, which is the reference model, too. First the
adapter answers each training question several times; `training/alignment/ranking.py` says how the answers are ranked.
The same command resumes an interrupted run, and does nothing if the run is finished.
"""

import argparse
import copy
import logging
import sys
from typing import TYPE_CHECKING

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of
from training.run.recipe import DPOKeys, Recipe, add_recipe_arguments, parse_recipe, recipe_words
from training.run.refused_keys import refuse_dpo_keys

if TYPE_CHECKING:
    from trl.trainer.dpo_config import DPOConfig

logger = logging.getLogger(__name__)


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

    from accelerate import PartialState
    from datasets import Dataset

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.journal import Journal
    from dataset_builder.models.folders import find_encoder
    from eval.metrics.embedding import Encoder
    from eval.question_sample import shard
    from eval.run_metrics import AnswerSampling, StepPreference
    from training.alignment.preferences import PreferenceCollator, prefer_best, preference_rows
    from training.alignment.ranking import RankedSamples, rank_samples
    from training.data.tokenization import load_tokenizer
    from training.run.folder import INPUTS_FILE, begin_run
    from training.run.start_model import find_start_adapter, load_start_adapter
    from training.validation import ValidationAnswers, ValidationBeforeAndAfter

    # Adapter and questions
    args, keys = copy.copy(recipe.training), recipe.keys
    adapter, base = find_start_adapter(recipe.base_model)
    tokenizer, positions = load_tokenizer(base.path)
    # Both splits are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(keys.dataset, keys.dataset_revision)
    train, validation = (load_corpus_split(keys.dataset, None, name, revision) for name in ("train", "validation"))
    encoder_folder = find_encoder("encoder", keys.encoder)

    # Run folder
    finished, checkpoint = begin_run(recipe, train, adapter.fingerprint, [encoder_folder.fingerprint])
    if finished:
        return
    # The journals of a run with other inputs in this folder, which ended before its first checkpoint, do not count.
    inputs = sha256_of(recipe.output_dir / INPUTS_FILE)[:16]

    # Sampled answers and rows: each process samples the answers to its share of the questions
    encoder = Encoder(encoder_folder, "encoder")
    questions = read_questions(train)
    sampling = AnswerSampling(samples=keys.samples, temperature=keys.temperature, seed=args.seed)
    samples = Journal(recipe.output_dir, f".partial.samples.{inputs}", RankedSamples, args.process_index)
    ranked = {sampled.number: sampled for sampled in samples.read_new()}
    share = set(shard(questions, args.process_index, args.world_size))
    missing = [number for number, question in enumerate(questions) if question in share and number not in ranked]
    rank_samples(adapter, questions, missing, sampling, encoder, samples)
    PartialState().wait_for_everyone()
    ranked |= {sampled.number: sampled for sampled in samples.read_new()}
    preferences = prefer_best(questions, ranked)
    if not preferences:
        raise InputError(
            f"model_name_or_path {recipe.base_model}: no sampled answer is better than another one, or all were cut; "
            "draw more --samples, raise --temperature, or train the adapter longer"
        )
    rows = preference_rows(preferences, tokenizer, min(args.max_length or positions, positions))
    count = keys.validation_questions
    answers = ValidationAnswers(validation, count, encoder, tokenizer) if count else None
    if args.process_index == 0:
        similarity = sum(sampled.mean_similarity for sampled in ranked.values()) / len(ranked)
        logger.info(
            "%d questions on %d papers have a preference; the mean similarity of the sampled answers is %.3f",
            *(len(preferences), len(rows), similarity),
        )

    # Trainer
    from tqdm.contrib.logging import logging_redirect_tqdm

    from training.alignment.preference_trainer import PreferenceTrainer, RowReference
    from training.run.artifacts import TrainingPairs, last_validation, run_metrics, save_run
    from training.run.failures import explain_failures, explain_refused_values
    from training.run.stopwatch import find_stopwatch

    with explain_failures(recipe.output_dir), logging_redirect_tqdm():
        with explain_refused_values():
            trainer = PreferenceTrainer(
                model=load_start_adapter(adapter, base, recipe.model.dtype or "float32"),
                args=args,
                train_dataset=Dataset.from_list(rows),
                data_collator=PreferenceCollator(int(tokenizer.pad_token_id)),
                processing_class=tokenizer,
                callbacks=[ValidationBeforeAndAfter(answers)] if answers else [],
            )
        reference = Journal(recipe.output_dir, f".partial.reference.{inputs}", RowReference, args.process_index)
        trainer.add_reference(reference)
        trainer.train(resume_from_checkpoint=checkpoint)

        # Metrics and adapter
        tokens = sum(len(row["input_ids"]) for row in rows)
        metrics = run_metrics(
            trainer,
            recipe,
            TrainingPairs(keys.dataset, revision, len(preferences)),
            base.given,
            method="dpo",
            tokens_per_second=tokens * (trainer.state.epoch or 0.0) / find_stopwatch(trainer).seconds,
            validation=last_validation(trainer),
            adapter=recipe.base_model,
            samples=sampling,
            preference_by_step=[
                StepPreference(
                    step=int(entry["step"]), margin=entry["rewards/margins"], accuracy=entry["rewards/accuracies"]
                )
                for entry in trainer.state.log_history
                if "rewards/margins" in entry
            ],
        )
        save_run(trainer, metrics)
    trainer.accelerator.end_training()


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
