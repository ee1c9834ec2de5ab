"""Align a LoRA adapter by TRL's DPOTrainer: make the preferred answers more likely than the others.

    python -m training.dpo --config training/recipes/smollm2-dpo.yaml

`model_name_or_path` is the run folder of the adapter to start from, which is the reference model, too. The preferences
are the *.jsonl files in the folder `preferences`. If it has none, the adapter first answers each training question
several times, and the best answer by the metric is preferred to the worst one (training/preferences.py). The same
command resumes an interrupted run, and does nothing if the run is finished.
"""

import argparse
import copy
import logging
import sys
from pathlib import Path

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from training.recipe import REFUSED_BY_DPO, DPOKeys, Recipe, add_recipe_arguments, parse_recipe, recipe_words

logger = logging.getLogger(__name__)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, DPOKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Align the adapter by the recipe."""
    main(recipe_words(arguments))


def main(words: list[str]) -> None:
    """Align by the recipe `--config FILE --KEY VALUE ...`."""
    from trl.trainer.dpo_config import DPOConfig

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.hardware import use_all_threads
    from dataset_builder.models.folders import find_encoder
    from eval.metrics.embedding import Encoder
    from eval.run_metrics import AnswerSampling
    from training.guarded_trainer import explain_failures, explain_refused_values, save_run
    from training.paper_rows import load_tokenizer
    from training.preference_trainer import PreferenceTrainer
    from training.preferences import preference_rows, read_preferences, sample_preferences
    from training.run_folder import begin_run
    from training.run_metrics import last_validation, preference_steps, run_environment, run_metrics, trained_tokens
    from training.start_model import find_start_adapter, load_start_adapter
    from training.validation import ValidationAnswers, ValidationBeforeAndAfter

    recipe = parse_recipe(words, DPOKeys, DPOConfig, REFUSED_BY_DPO)
    args, keys = copy.copy(recipe.training), recipe.keys
    _check(recipe)
    use_all_threads()

    # Preferences
    adapter, base = find_start_adapter(recipe.base_model)
    revision = corpus_revision(keys.dataset, keys.dataset_revision)
    train, validation = (load_corpus_split(keys.dataset, None, split, revision) for split in ("train", "validation"))
    encoder_folder = find_encoder("encoder", keys.encoder)
    encoder = Encoder(encoder_folder, "encoder")
    preferences = read_preferences(Path(keys.preferences))
    if not preferences:
        sampling = AnswerSampling(samples=keys.samples, temperature=keys.temperature, seed=args.seed)
        preferences = sample_preferences(
            adapter, read_questions(train), sampling, encoder, encoder_folder.fingerprint, Path(keys.preferences)
        )
    if args.process_index == 0:
        logger.info("%d preferences from %s", len(preferences), keys.preferences)
    tokenizer, positions = load_tokenizer(base.path)
    rows = preference_rows(preferences, train, tokenizer, min(args.max_length or positions, positions))
    answers = ValidationAnswers(validation, keys.validation_questions, encoder, tokenizer)

    # Run folder
    finished, checkpoint = begin_run(recipe, rows, adapter.fingerprint)
    if finished:
        return

    # Trainer
    model = load_start_adapter(adapter, base, recipe.model.dtype or "float32")
    with explain_failures(recipe.output_dir):
        with explain_refused_values():
            trainer = PreferenceTrainer(
                model=model,
                args=args,
                train_dataset=rows,
                processing_class=tokenizer,
                callbacks=[ValidationBeforeAndAfter(answers)] if keys.validation_questions else [],
            )
        trainer.train(resume_from_checkpoint=checkpoint)
        log = trainer.state.log_history
        metrics = run_metrics(
            trainer,
            recipe,
            base.given,
            revision,
            len(rows),
            method="dpo",
            tokens_per_second=trained_tokens(log) / trainer.stopwatch.seconds,
            validation=last_validation(log),
            adapter=recipe.base_model,
            preference_by_step=preference_steps(log),
        )
        # TRL's copy of the adapter, which was the reference model.
        model.delete_adapter("ref")
        save_run(trainer, metrics, run_environment(trainer))
    trainer.accelerator.end_training()


def _check(recipe: Recipe) -> None:
    keys = recipe.keys
    if not keys.preferences:
        raise InputError("preferences: is not set; give a folder of preferences, or for those that the run makes")
    if keys.samples < 2:
        raise InputError(f"samples {keys.samples}: must be 2 or more, because two answers are compared")
    if not 0 < keys.temperature < float("inf"):
        raise InputError(f"temperature {keys.temperature}: must be a number greater than 0; the default is 0.8")
    if recipe.training.world_size > 1 and not any(Path(keys.preferences).glob("*.jsonl")):
        raise InputError(
            f"preferences {keys.preferences}: has no *.jsonl file, and only one process can sample answers; run the "
            "recipe with one process first, or give a folder of preferences"
        )


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
