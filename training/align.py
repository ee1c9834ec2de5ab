"""Align a LoRA adapter with the evaluation by GRPO: reward answers by the measures that also rank them.

    python -m training.align --config training/recipes/smollm2-grpo.yaml

`model_name_or_path` is the run folder of the adapter to start from; the KL term (`beta`) keeps the model near it. The
same command resumes an interrupted run from its last checkpoint, and does nothing if the run is finished.
"""

import argparse
import copy
import os
import sys
from typing import TYPE_CHECKING

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from training.run.recipe import GRPOKeys, Recipe, add_recipe_arguments, parse_recipe, recipe_words
from training.run.refused_keys import refuse_grpo_keys

if TYPE_CHECKING:
    from trl.trainer.grpo_config import GRPOConfig


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, GRPOKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Align the adapter by the recipe."""
    main(recipe_words(arguments))


def read_recipe(words: list[str]) -> "Recipe[GRPOKeys, GRPOConfig]":
    """Return the recipe `--config FILE --KEY VALUE ...`; raises `InputError` for a key that does not fit."""
    from trl.trainer.grpo_config import GRPOConfig

    from training.hardware import machine_defaults

    recipe = parse_recipe(words, machine_defaults(), GRPOKeys, GRPOConfig)
    refuse_grpo_keys(recipe)
    return recipe


def main(words: list[str]) -> None:
    """Align by the recipe `--config FILE --KEY VALUE ...`."""
    # TRL warns at each start that `rollout_func` is experimental.
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

    from dataset_builder.hardware import use_all_threads
    from training.hardware import check_processes, refuse_fsdp

    recipe = read_recipe(words)
    check_processes(recipe.training)
    refuse_fsdp("training.align: under FSDP no process has the whole model to sample answers with")
    use_all_threads()

    from datasets import Dataset

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.models.folders import find_encoder
    from dataset_builder.prompt import MAX_ANSWER_TOKENS, fit_prompt
    from dataset_builder.verification.load import find_verifier
    from eval.metrics.embedding import Encoder
    from training.alignment.rewards import measure_rewards
    from training.data.tokenization import load_tokenizer
    from training.run.folder import begin_run
    from training.run.start_model import find_start_adapter, load_start_adapter
    from training.validation import ValidationAnswers

    # Adapter, prompts, reward
    args = copy.copy(recipe.training)
    dataset = recipe.keys.dataset
    adapter, base = find_start_adapter(recipe.base_model)
    tokenizer, positions = load_tokenizer(base.path)
    # Both splits are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(dataset, recipe.keys.dataset_revision)
    train, validation = (load_corpus_split(dataset, None, name, revision) for name in ("train", "validation"))
    room = positions - MAX_ANSWER_TOKENS
    asked = {
        fit_prompt(tokenizer, question.instruction, question.context, question.question, room): question
        for question in read_questions(train)
    }
    prompts = Dataset.from_list(
        [
            {"prompt": prompt, "answer": question.answer, "context": question.context, "question": question.question}
            for prompt, question in asked.items()
        ]
    )
    verifier = find_verifier("verifier", recipe.keys.verifier) if recipe.keys.verifier else None
    encoder = find_encoder("encoder", recipe.keys.encoder)
    judges = [encoder.fingerprint, *([verifier.folder.fingerprint] if verifier else [])]
    compare = Encoder(encoder, "encoder")
    rewards = measure_rewards(compare, verifier.load() if verifier else None)
    count = recipe.keys.validation_questions
    answers = ValidationAnswers(validation, count, compare, tokenizer) if count else None

    # Run folder
    finished, checkpoint = begin_run(recipe, prompts, adapter.fingerprint, judges)
    if finished:
        return

    # Trainer
    from tqdm.contrib.logging import logging_redirect_tqdm

    from eval.generation.answers import check_batches
    from eval.generation.generation_rules import read_rules
    from eval.run_metrics import StepReward
    from training.alignment.grpo_trainer import AnswerTrainer
    from training.alignment.rollouts import SharedAbstractRollouts
    from training.run.artifacts import TrainingPairs, last_validation, run_metrics, save_run
    from training.run.failures import explain_failures, explain_refused_values
    from training.run.stopwatch import find_stopwatch
    from training.validation import ValidationBeforeAndAfter, in_evaluation_mode

    args.max_completion_length = MAX_ANSWER_TOKENS
    # As the ranking of sampled answers does: no measure decides by its units alone.
    args.multi_objective_aggregation = "normalize_then_sum"
    with explain_failures(recipe.output_dir), logging_redirect_tqdm():
        with explain_refused_values():
            model = load_start_adapter(adapter, base, "float32")
            with in_evaluation_mode(model):
                check_batches(model, tokenizer, list(asked.values()))
            if read_rules(model.generation_config, tokenizer).repetition_penalty != 1:
                raise InputError(
                    f"model_name_or_path {recipe.base_model!r}: its base samples with a repetition_penalty, and GRPO "
                    f"computes probabilities without it; remove it from {base.path / 'generation_config.json'}"
                )
            trainer = AnswerTrainer(
                model=model,
                reward_funcs=rewards,
                rollout_func=SharedAbstractRollouts(asked, tokenizer),
                args=args,
                train_dataset=prompts,
                processing_class=tokenizer,
                callbacks=[ValidationBeforeAndAfter(answers)] if answers else [],
            )
        trainer.train(resume_from_checkpoint=checkpoint)
        if args.beta:
            model.delete_adapter("ref")  # TRL's copy of the adapter, which the KL term compares with

        # Metrics and adapter
        metrics = run_metrics(
            trainer,
            recipe,
            TrainingPairs(dataset, revision, len(train)),
            base.given,
            method="grpo",
            tokens_per_second=trainer.state.num_input_tokens_seen / find_stopwatch(trainer).seconds,
            validation=last_validation(trainer),
            adapter=recipe.base_model,
            reward_by_step=[
                StepReward(step=int(entry["step"]), reward=entry["reward"])
                for entry in trainer.state.log_history
                if "reward" in entry
            ],
        )
        save_run(trainer, metrics)
    trainer.accelerator.end_training()


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
