"""Alignment with the evaluation: GRPO by TRL from a LoRA adapter, rewarded by similarity to the reference answer.

    accelerate launch --config_file accelerate_config.yaml -m training.align \
        --config training/recipes/smollm2-grpo.yaml

`model_name_or_path` is the run folder of the adapter to start from; the KL term (`beta`) holds the model near it. The
same command again goes on from the last checkpoint, and does nothing once the run is finished.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError, exit_on_input_error

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger("training.align")


def main(arguments: list[str]) -> None:
    """Align by the recipe that `arguments` name."""
    from trl import GRPOConfig

    from dataset_builder.hardware import peak_memory_bytes, use_all_threads
    from training.hardware import environment, precision_defaults
    from training.recipe import CorpusArguments, parse_recipe

    recipe = parse_recipe(arguments, precision_defaults(), CorpusArguments, GRPOConfig)
    use_all_threads()

    from dataset_builder.loading import corpus_revision, load_corpus_split
    from eval.model_folder import find_model
    from training.failures import explained
    from training.rewards import AnswerReward
    from training.run_folder import finish_run, last_whole_checkpoint, open_run, rows_digest
    from training.sft import base_model, load_tokenizer

    # Adapter, prompts, reward
    args = recipe.training
    adapter = find_model("model_name_or_path", recipe.model.model_name_or_path)
    if adapter.base is None:
        raise InputError(
            f"model_name_or_path {recipe.model.model_name_or_path!r}: is no LoRA adapter, which alignment starts "
            "from; train one with a -lora recipe of training.sft"
        )
    tokenizer, positions = load_tokenizer(str(adapter.base.path))
    train = load_corpus_split(recipe.corpus.dataset, None, "train")
    revision = corpus_revision(recipe.corpus.dataset)
    prompts = prompt_rows(train, tokenizer, positions - args.max_completion_length)
    reward = AnswerReward(recipe.corpus.encoder)

    # Run folder
    output_dir = Path(args.output_dir)
    rows_a_step = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    with args.main_process_first(desc="run folder"):
        if open_run(output_dir, recipe.values, rows_a_step, rows_digest(prompts)):
            logger.warning("%s: this run is finished; nothing to do", output_dir)
            return
        checkpoint = last_whole_checkpoint(output_dir)
    if checkpoint:
        logger.warning("going on from %s", checkpoint)

    # Trainer
    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    from trl import GRPOTrainer

    from training.measure import Stopwatch, losses

    args.restore_callback_states_from_checkpoint = True
    args.logging_nan_inf_filter = False
    base = AutoModelForCausalLM.from_pretrained(adapter.base.path, dtype="float32", use_safetensors=True)
    stopwatch = Stopwatch()
    with explained(output_dir):
        trainer = GRPOTrainer(
            model=PeftModel.from_pretrained(base, adapter.path, is_trainable=True),
            reward_funcs=reward,
            args=args,
            train_dataset=prompts,
            processing_class=tokenizer,
            callbacks=[stopwatch],
        )
        trainer.train(resume_from_checkpoint=checkpoint)
        trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
        if args.beta:
            trainer.model.delete_adapter("ref")  # TRL's copy of the adapter, from which the KL term is taken
        trainer.save_model()
        if trainer.is_world_process_zero():
            stopwatch = next(found for found in trainer.callback_handler.callbacks if isinstance(found, Stopwatch))
            log = trainer.state.log_history
            loss_by_step, loss_by_epoch = losses(log)
            metrics = {
                **base_model(str(adapter.base.given)),
                "method": "grpo",
                "adapter": recipe.model.model_name_or_path,
                "dataset": recipe.corpus.dataset,
                "dataset_revision": revision,
                "license": recipe.corpus.license,
                "seed": args.seed,
                "train_pairs": len(prompts),
                "epochs": trainer.state.epoch,
                "train_seconds": stopwatch.seconds,
                "tokens_per_second": trainer.state.num_input_tokens_seen / stopwatch.seconds,
                "energy_joules": stopwatch.joules,
                "peak_memory_bytes": peak_memory_bytes(),
                "trainable_parameters": trainable,
                "loss_by_step": loss_by_step,
                "loss_by_epoch": loss_by_epoch,
                "reward_by_step": [{"step": of["step"], "reward": of["reward"]} for of in log if "reward" in of],
                "validation": {"epoch": None, "loss": None, "similarity": None},
            }
            finish_run(output_dir, metrics, environment("bfloat16 autocast" if args.bf16 else "float32"))
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
