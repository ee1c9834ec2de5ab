"""Alignment with the evaluation: GRPO by TRL from a LoRA adapter, rewarded by similarity to the reference answer.

    accelerate launch --config_file accelerate_config.yaml -m training.align \
        --config training/recipes/smollm2-grpo.yaml

`model_name_or_path` is the run folder of the adapter to start from; the KL term (`beta`) holds the model near it. The
same command again goes on from the last checkpoint, and does nothing once the run is finished.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError, exit_on_input_error

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase


def main(arguments: list[str]) -> None:
    """Align by the recipe that `arguments` name."""
    from trl import GRPOConfig

    from dataset_builder.hardware import use_all_threads
    from training.hardware import precision_defaults, refuse_answers_under_fsdp, refuse_several_gpus
    from training.recipe import AnswerArguments, parse_recipe

    recipe = parse_recipe(arguments, precision_defaults(), AnswerArguments, GRPOConfig)
    refuse_several_gpus(recipe.training)
    refuse_answers_under_fsdp(recipe.corpus.validation_questions)
    use_all_threads()

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from eval.models import find_model
    from training.data.tokenizer import load_tokenizer
    from training.failures import explained
    from training.rewards import AnswerReward
    from training.run_folder import begin_run
    from training.validation import ValidationAnswers

    # Adapter, prompts, reward
    args = recipe.training
    adapter = find_model("model_name_or_path", recipe.model.model_name_or_path)
    if adapter.base is None:
        raise InputError(
            f"model_name_or_path {recipe.model.model_name_or_path!r}: is no LoRA adapter, which alignment starts "
            "from; train one with a -lora recipe of training.sft"
        )
    tokenizer, positions = load_tokenizer(str(adapter.base.path))
    train, validation = (load_corpus_split(recipe.corpus.dataset, None, split) for split in ("train", "validation"))
    revision = corpus_revision(recipe.corpus.dataset)
    prompts = prompt_rows(train, tokenizer, positions - args.max_completion_length)
    reward = AnswerReward(recipe.corpus.encoder)
    questions = recipe.corpus.validation_questions
    answers = ValidationAnswers(validation, questions, recipe.corpus.encoder, tokenizer) if questions else None

    # Run folder
    finished, checkpoint = begin_run(recipe, prompts)
    if finished:
        return

    # Trainer
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    from trl import GRPOTrainer

    from training.failures import Guarded
    from training.measure import Stopwatch
    from training.run_artifacts import keep, stopwatch_of
    from training.validation import ValidationBeforeAndAfter

    class GuardedGRPOTrainer(Guarded, GRPOTrainer):
        pass

    args.restore_callback_states_from_checkpoint = True
    args.logging_nan_inf_filter = False
    base = AutoModelForCausalLM.from_pretrained(adapter.base.path, dtype="float32", use_safetensors=True)
    with explained(Path(args.output_dir)):
        trainer = GuardedGRPOTrainer(
            model=PeftModel.from_pretrained(base, adapter.path, is_trainable=True),
            reward_funcs=reward,
            args=args,
            train_dataset=prompts,
            processing_class=tokenizer,
            callbacks=[Stopwatch(), *([ValidationBeforeAndAfter(answers)] if answers else [])],
        )
        trainer.train(resume_from_checkpoint=checkpoint)
        if args.beta:
            trainer.model.delete_adapter("ref")  # TRL's copy of the adapter, from which the KL term is taken
        log = trainer.state.log_history
        after = [of["eval_similarity"] for of in log if "eval_similarity" in of and of["epoch"]]
        measured = {
            "adapter": recipe.model.model_name_or_path,
            "tokens_per_second": trainer.state.num_input_tokens_seen / stopwatch_of(trainer).seconds,
            "reward_by_step": [{"step": of["step"], "reward": of["reward"]} for of in log if "reward" in of],
            "validation": {"epoch": trainer.state.epoch, "loss": None, "similarity": after[-1] if after else None},
        }
        keep(trainer, recipe, revision, str(adapter.base.given), "grpo", len(prompts), measured)
    trainer.accelerator.end_training()


def prompt_rows(split: Dataset, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> Dataset:
    """Return a dataset of `prompt`, in at most `max_tokens` tokens, and `answer`, the reference, a row a pair."""
    from datasets import Dataset

    from dataset_builder.prompt import fit_prompt

    rows: list[dict[str, Any]] = [
        {
            "prompt": fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], max_tokens),
            "answer": row["answer"],
        }
        for row in split
    ]
    return Dataset.from_list(rows)


if __name__ == "__main__":
    with exit_on_input_error():
        main(sys.argv[1:])
