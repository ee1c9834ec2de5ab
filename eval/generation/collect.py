"""The answers of every model to every question, collected by all processes and kept as they come."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from eval.generation.answer_store import AnswerStore, prompt_key
from eval.generation.answers import answer_in_batches, load_model
from eval.generation.mbr import mbr_in_batches
from eval.generation.shards import shard
from eval.models import ModelFolder

if TYPE_CHECKING:
    from accelerate import PartialState


def collect_answers(
    folders: list[ModelFolder],
    rows: dict[str, list[dict[str, Any]]],
    out: Path,
    process: PartialState,
    batch_size: int | None = None,
) -> dict[str, dict[str, list[str]]]:
    """Return each model's answers by config, in the order of `rows`; those that `out` holds are not made again.

    A question that stands in two configs is answered once. Every process of a launch calls this; the first of them
    joins what all of them answered, and in the others nothing is returned.

    Raises `InputError` for a model that answers nothing at all, before the next one answers.
    """
    asked = {prompt_key(row): row for of_config in rows.values() for row in of_config}
    answers = {}
    for folder in folders:
        store = AnswerStore(out, folder.name, _answered_by(folder), process.process_index)
        # Only when all have read what is there may one of them add to it.
        process.wait_for_everyone()
        missing = [row for key, row in asked.items() if key not in store.answers]
        own = shard(missing, process.process_index, process.num_processes)
        if own:
            _answer(folder, own, store, process, batch_size)
        process.wait_for_everyone()
        if process.is_main_process:
            store = AnswerStore(out, folder.name, _answered_by(folder))
            store.join()
            answers[folder.name] = {
                config: [store.answers[prompt_key(row)] for row in of_config] for config, of_config in rows.items()
            }
            _check_answers(folder.name, answers[folder.name])
    return answers


def _check_answers(name: str, answers: dict[str, list[str]]) -> None:
    """Raise `InputError` for a model that answers nothing at all; a single empty answer is a low score."""
    for config, of_config in answers.items():
        if not any(of_config):
            raise InputError(
                f"{name}: every answer to the questions of {config!r} is empty; its tokenizer's end-of-sequence "
                "token is what it says first: check the tokenizer, or train the model further"
            )


def _answered_by(folder: ModelFolder) -> str:
    """Return what a model's answers depend on: its files, and how it answers where that is not greedily."""
    if folder.consensus is None:
        return folder.fingerprint
    return hashlib.sha256(f"{folder.fingerprint} {json.dumps(folder.consensus.as_dict())}".encode()).hexdigest()


def _answer(
    folder: ModelFolder, rows: list[dict[str, Any]], store: AnswerStore, process: PartialState, batch_size: int | None
) -> None:
    from tqdm import tqdm

    model, tokenizer = load_model(folder, process.device if process.device.type == "cuda" else None)
    label = f"answering: {folder.name}"
    with tqdm(total=len(rows), desc=label, unit="question", disable=not process.is_local_main_process) as bar:
        if folder.consensus is None:
            batches = answer_in_batches(model, tokenizer, rows, batch_size)
        else:
            batches = mbr_in_batches(model, tokenizer, rows, folder.consensus, batch_size)
        for answers in batches:
            store.append({prompt_key(rows[number]): answer for number, answer in answers.items()})
            bar.update(len(answers))
