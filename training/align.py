"""Align a LoRA adapter with the evaluation by GRPO: reward answers that are similar to the reference answer.

    python -m training align --config training/recipes/smollm2-grpo.yaml

`model_name_or_path` is the run folder of the adapter to start from; the KL term (`beta`) keeps the model near it. The
same command resumes an interrupted run from its last checkpoint, and does nothing if the run is finished.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from training.command import run_stage, stage_parser
from training.run.recipe import ProjectKeys, Recipe, add_recipe_arguments, parse_recipe, recipe_words

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase, Trainer
    from trl.trainer.grpo_config import GRPOConfig

    from dataset_builder.corpus.questions import CorpusQuestion
    from eval.run_metrics import RunMetrics
    from training.run.artifacts import TrainingData


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, ProjectKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Align the adapter by the recipe."""
    main(recipe_words(arguments))


def main(words: list[str]) -> None:
    """Align by the recipe `--config FILE --KEY VALUE ...`."""
    from trl.trainer.grpo_config import GRPOConfig

    from dataset_builder.hardware import use_all_threads
    from training.hardware import machine_defaults, refuse_answers_under_fsdp, refuse_several_gpus

    recipe = parse_recipe(words, machine_defaults(), ProjectKeys, GRPOConfig)
    refuse_several_gpus(recipe.training)
    refuse_answers_under_fsdp(recipe.keys.validation_questions)
    use_all_threads()

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from eval.models import find_model
    from training.data.tokenizer import load_tokenizer
    from training.rewards import AnswerReward
    from training.run.artifacts import TrainingData, save_run
    from training.run.failures import explain_failures
    from training.run.folder import begin_run
    from training.validation import ValidationAnswers

    # Adapter, prompts, reward
    args = copy.copy(recipe.training)
    dataset = recipe.keys.dataset
    adapter = find_model("model_name_or_path", recipe.base_model)
    if adapter.base is None:
        raise InputError(
            f"model_name_or_path {recipe.base_model!r}: is not a LoRA adapter, from which alignment starts; "
            "train one with a -lora recipe of training.sft"
        )
    tokenizer, positions = load_tokenizer(str(adapter.base.path))
    train, validation = (read_questions(load_corpus_split(dataset, None, name)) for name in ("train", "validation"))
    data = TrainingData(dataset, corpus_revision(dataset), len(train))
    prompts = prompt_rows(train, tokenizer, positions - (args.max_completion_length or 0))
    reward = AnswerReward(recipe.keys.encoder)
    count = recipe.keys.validation_questions
    answers = ValidationAnswers(validation, count, recipe.keys.encoder, tokenizer) if count else None

    # Run folder
    finished, checkpoint = begin_run(recipe, prompts)
    if finished:
        return

    # Trainer
    from peft import PeftModel
    from tqdm.contrib.logging import logging_redirect_tqdm
    from transformers import AutoModelForCausalLM
    from trl.trainer.grpo_trainer import GRPOTrainer

    from training.guarded_trainer import GuardedTrainer
    from training.run.progress import show_progress
    from training.run.stopwatch import Stopwatch
    from training.validation import ValidationBeforeAndAfter

    class GuardedGRPOTrainer(GuardedTrainer, GRPOTrainer):
        pass

    args.restore_callback_states_from_checkpoint = True
    args.logging_nan_inf_filter = False
    base = AutoModelForCausalLM.from_pretrained(adapter.base.path, dtype="float32", use_safetensors=True)
    with explain_failures(recipe.output_dir), logging_redirect_tqdm():
        model = PeftModel.from_pretrained(base, adapter.path, is_trainable=True)
        trainer = GuardedGRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=args,
            train_dataset=prompts,
            processing_class=tokenizer,
            callbacks=[Stopwatch(), *([ValidationBeforeAndAfter(answers)] if answers else [])],
        )
        show_progress(trainer)
        trainer.train(resume_from_checkpoint=checkpoint)
        if args.beta:
            model.delete_adapter("ref")  # TRL's copy of the adapter, which the KL term compares with
        save_run(trainer, measure(trainer, recipe, data, base=adapter.base.given))
    trainer.accelerator.end_training()


def prompt_rows(questions: Sequence[CorpusQuestion], tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> Dataset:
    """Return one row for each question: its `prompt`, in at most `max_tokens` tokens, and its reference `answer`."""
    from datasets import Dataset

    from dataset_builder.prompt import fit_prompt

    return Dataset.from_list(
        [
            {
                "prompt": fit_prompt(tokenizer, question.instruction, question.context, question.question, max_tokens),
                "answer": question.answer,
            }
            for question in questions
        ]
    )


def measure(trainer: Trainer, recipe: Recipe[ProjectKeys, GRPOConfig], data: TrainingData, base: str) -> RunMetrics:
    """Return the metrics of the aligned adapter on the model `base`."""
    from eval.run_metrics import ChosenEpoch, StepReward
    from training.run.artifacts import run_metrics
    from training.run.stopwatch import find_stopwatch

    log = trainer.state.log_history
    after = [entry["eval_similarity"] for entry in log if "eval_similarity" in entry and entry["epoch"]]
    return run_metrics(
        trainer,
        recipe,
        data,
        base=base,
        method="grpo",
        tokens_per_second=trainer.state.num_input_tokens_seen / find_stopwatch(trainer).seconds,
        validation=ChosenEpoch(epoch=trainer.state.epoch, loss=None, similarity=after[-1] if after else None),
        adapter=recipe.base_model,
        reward_by_step=[
            StepReward(step=int(entry["step"]), reward=entry["reward"]) for entry in log if "reward" in entry
        ],
    )


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]), sys.argv[1:])
