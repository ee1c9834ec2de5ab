"""Supervised fine-tuning on the corpus, in full or with LoRA, by TRL's SFTTrainer.

    accelerate launch --config_file accelerate_config.yaml -m training.sft --config training/recipes/smollm2-full.yaml
    accelerate launch --config_file accelerate_config.yaml -m training.sft --config training/recipes/smollm2-lora.yaml

Any key of a recipe can be overridden: `--num_train_epochs 1 --output_dir runs/short`. The same command again goes on
from the last checkpoint, and does nothing once the run is finished.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError, exit_on_input_error

if TYPE_CHECKING:
    from training.recipe import Recipe
    from training.trainer import RowTrainer

# Rows of up to about 1,300 tokens make five lengths, and so five programs, with torch.compile.
COMPILED_PADDING = 256
# Keys of TRL's and transformers' that say what a row, its labels or its place in the epoch is.
RULED_OUT = (
    *("packing", "eval_packing", "padding_free", "completion_only_loss", "assistant_only_loss"),
    *("train_sampling_strategy", "auto_find_batch_size"),
)


def main(arguments: list[str]) -> None:
    """Train by the recipe that `arguments` name."""
    from dataset_builder.hardware import use_all_threads
    from training.hardware import precision_defaults, refuse_answers_under_fsdp, refuse_several_gpus
    from training.recipe import parse_recipe

    recipe = parse_recipe(arguments, precision_defaults())
    refuse_what_rows_rule_out(recipe)
    refuse_several_gpus(recipe.training)
    refuse_answers_under_fsdp(recipe.corpus.validation_questions)
    use_all_threads()

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from training.data.preview import print_preview
    from training.data.tokenization import rows_by_pair, rows_by_paper, tokenize_pairs
    from training.data.tokenizer import load_tokenizer
    from training.failures import explained
    from training.run_folder import begin_run
    from training.validation import ValidationAnswers

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
    finished, checkpoint = begin_run(recipe, train_rows)
    if finished:
        return
    if args.process_index == 0:
        print_preview(train_rows.select(range(min(2, len(train_rows)))).to_list(), tokenizer)

    # Trainer
    from trl import get_peft_config

    from training.data.collator import RowCollator
    from training.measure import Stopwatch, ValidationAtEpochEnd
    from training.run_artifacts import keep
    from training.trainer import RowTrainer

    args.model_init_kwargs = {
        "attn_implementation": "sdpa",
        "dtype": recipe.model.dtype or "float32",
        "use_safetensors": True,
    }
    args.restore_callback_states_from_checkpoint = True
    # The untrained model is scored too, so that a run that made it worse shows.
    args.eval_on_start = checkpoint is None
    padding = args.pad_to_multiple_of or (COMPILED_PADDING if args.torch_compile else 1)
    with explained(Path(args.output_dir)):
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
        measured = measure(trainer, recipe, tokens=sum(map(len, train_rows["input_ids"])), pairs=len(train))
        keep(trainer, recipe, revision, recipe.model.model_name_or_path, recipe.method, len(train), measured)
    trainer.accelerator.end_training()


def refuse_what_rows_rule_out(recipe: Recipe) -> None:
    """Raise `InputError` for settings of TRL's that would have no effect on our rows, or a wrong one."""
    if recipe.model.attn_implementation not in (None, "sdpa"):
        raise InputError(
            f"attn_implementation {recipe.model.attn_implementation!r}: the mask that keeps the questions of a paper "
            "apart is for 'sdpa' alone; leave the key out"
        )
    for key in RULED_OUT:
        if recipe.values.get(key):
            raise InputError(
                f"{key} {recipe.values[key]!r}: rows, their labels and their order are made by the project (`rows`); "
                "leave the key out"
            )
    if recipe.training.save_strategy == "no" and recipe.corpus.validation_questions:
        raise InputError(
            "save_strategy 'no': the epoch with the nearest answers is taken from its checkpoint; save by 'steps', or "
            "pass --validation_questions 0 to keep the last epoch"
        )


def measure(trainer: RowTrainer, recipe: Recipe, tokens: int, pairs: int) -> dict[str, Any]:
    """Return the keys of metrics.json that only this kind of training has; `tokens` and `pairs` are an epoch's."""
    from training.measure import chosen_validation, convergence_epoch, flops_per_token, losses, peak_flops
    from training.run_artifacts import stopwatch_of

    seconds, epochs = stopwatch_of(trainer).seconds, trainer.state.epoch
    _, loss_by_epoch = losses(trainer.state.log_history)
    peak = peak_flops(recipe.training.bf16)
    return {
        "rows": recipe.corpus.rows,
        "tokens_per_second": tokens * epochs / seconds,
        "pairs_per_second": pairs * epochs / seconds,
        "mfu": tokens * epochs / seconds * flops_per_token(trainer.model) / peak if peak else None,
        "convergence_epoch": convergence_epoch(loss_by_epoch),
        "validation": chosen_validation(loss_by_epoch),
    }


if __name__ == "__main__":
    with exit_on_input_error():
        main(sys.argv[1:])
