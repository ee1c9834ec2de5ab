"""Train a verifier, which reads an abstract, a question and an answer, and says whether the abstract supports it.

    python -m training.verifier --config training/recipes/minilm-verifier.yaml

Its examples come from the pairs of a corpus, with wrong answers made by rules, and from written answers. The same
command resumes an interrupted run from its last checkpoint, and does nothing if the run is finished. `verifier.json`
in the run folder has the threshold, and how well the verifier finds errors on papers that it was not trained on.
"""

import argparse
import copy
import logging
import sys
from typing import cast

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from training.run.recipe import VerifierKeys, add_recipe_arguments, parse_recipe, recipe_words
from training.run.refused_keys import refuse_verifier_keys

logger = logging.getLogger(__name__)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(command, VerifierKeys)


def run_command(arguments: argparse.Namespace) -> None:
    """Train by the recipe."""
    main(recipe_words(arguments))


def main(words: list[str]) -> None:
    """Train by the recipe `--config FILE --KEY VALUE ...`."""
    from transformers import TrainingArguments

    from dataset_builder.hardware import use_all_threads
    from training.hardware import check_processes, machine_defaults, refuse_fsdp

    recipe = parse_recipe(words, machine_defaults(), VerifierKeys, TrainingArguments)
    refuse_verifier_keys(recipe)
    check_processes(recipe.training)
    refuse_fsdp("training.verifier: under FSDP no process has the whole model to score with")
    use_all_threads()

    from dataset_builder.corpus.load import corpus_revision, load_corpus_split
    from dataset_builder.corpus.questions import read_questions
    from dataset_builder.models.encoders import load_embed
    from dataset_builder.models.folders import find_encoder
    from dataset_builder.verification.example import ErrorKind
    from training.data.sampler import row_lengths
    from training.run.folder import begin_run
    from training.verification.model import load_base, load_reader
    from training.verification.rows import read_written, split_examples, verification_rows

    # Reader, examples and rows
    args, keys = copy.copy(recipe.training), recipe.keys
    base = find_encoder("model_name_or_path", recipe.base_model)
    reader = load_reader(base, keys)
    encoder = find_encoder("encoder", keys.encoder)
    left_out = cast(list[ErrorKind], keys.leave_out)
    written = read_written(keys.written_answers)
    # All splits are loaded at this revision, even if a new one is pushed meanwhile.
    revision = corpus_revision(keys.dataset, keys.dataset_revision)
    questions = {
        name: read_questions(load_corpus_split(keys.dataset, None, name, revision))
        for name in ("train", "validation", "test")
    }
    # Trainings with other seeds share no draw.
    train = [
        split_examples(questions["train"], written, args.seed * keys.draws + draw, keys.answers_per_label, left_out)
        for draw in range(keys.draws)
    ]
    validation, test = (
        split_examples(questions[name], written, args.seed, keys.answers_per_label) for name in ("validation", "test")
    )
    if all(example.is_supported or example.error in left_out for example in validation.all):
        kinds = " ".join(left_out)
        raise InputError(f"leave_out {kinds}: leaves no wrong answer to choose the threshold by; name fewer kinds")
    if len({example.is_supported for example in validation.written}) == 1:
        problem = "has only right or only wrong answers on the validation papers"
        raise InputError(f"written_answers {keys.written_answers}: {problem}; add some of the others, or leave it out")
    train_rows = verification_rows([example for draw in train for example in draw.all], reader)
    validation_rows = verification_rows(validation.all, reader)

    # Run folder
    finished, checkpoint = begin_run(recipe, train_rows, base.fingerprint)
    if finished:
        return

    # Trainer
    from tqdm.contrib.logging import logging_redirect_tqdm
    from transformers import DataCollatorForTokenClassification

    from dataset_builder.verification.report import write_verifier_report
    from training.run.artifacts import TrainingPairs, chosen_epoch, epoch_losses, run_metrics, save_run
    from training.run.failures import explain_failures, explain_refused_values
    from training.run.stopwatch import find_stopwatch
    from training.validation import ValidationAtEpochEnd
    from training.verification.scores import report_verifier
    from training.verification.trainer import VerifierTrainer

    args.eval_on_start = checkpoint is None
    with explain_failures(recipe.output_dir), logging_redirect_tqdm():
        with explain_refused_values():
            trainer = VerifierTrainer(
                model=load_base(base, args.seed),
                args=args,
                train_dataset=train_rows,
                eval_dataset=validation_rows,
                data_collator=DataCollatorForTokenClassification(reader.tokenizer, pad_to_multiple_of=8),
                processing_class=reader.tokenizer,
                callbacks=[ValidationAtEpochEnd()],
            )
        trainer.train(resume_from_checkpoint=checkpoint)

        # Report, metrics and model
        report = report_verifier(
            trainer.model,
            reader,
            train,
            validation,
            test,
            left_out,
            load_embed(encoder, "encoder"),
            {(question.paper_id, question.question): question.answer for question in questions["test"]},
        )
        stopwatch = find_stopwatch(trainer)
        epochs_per_second = (trainer.state.epoch or 0.0) / stopwatch.seconds
        metrics = run_metrics(
            trainer,
            recipe,
            TrainingPairs(keys.dataset, revision, sum(len(draw.all) for draw in train)),
            recipe.base_model,
            method="verifier",
            tokens_per_second=int(row_lengths(train_rows).sum()) * epochs_per_second,
            validation=chosen_epoch(epoch_losses(trainer.state.log_history)),
        )
        if trainer.is_world_process_zero():
            write_verifier_report(recipe.output_dir, report)
            logger.info("test AUROC %.3f, threshold %.3f", report.test.all_kinds.auroc, report.threshold)
        save_run(trainer, metrics)
    trainer.accelerator.end_training()


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
