"""Collect the answers of every system to every question, from all processes of a launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from eval.generation.answer_store import AnswerStore, prompt_key
from eval.generation.answers import answer_in_batches, load_model
from eval.generation.mbr import mbr_in_batches
from eval.generation.shards import shard
from eval.systems import System

if TYPE_CHECKING:
    from accelerate import PartialState


def collect_answers(
    systems: Sequence[System],
    questions: Mapping[str, Sequence[CorpusQuestion]],
    out: Path,
    process: PartialState,
    batch_size: int | None = None,
) -> dict[str, dict[str, list[str]]]:
    """Return the answers by system and config, in the order of `questions`; only answers missing in `out` are made.

    A question that two configs share is answered once. Every process of a launch must call this. The first process
    merges all answers and returns them; the others return nothing.

    Raises `InputError` for a system whose answers are all empty, before the next system answers.
    """
    distinct = {prompt_key(question): question for config in questions.values() for question in config}
    answers: dict[str, dict[str, list[str]]] = {}
    for system in systems:
        store = AnswerStore(out, system.name, system.fingerprint, process.process_index)
        # No process may add answers before all processes have read the existing ones.
        process.wait_for_everyone()
        missing = [question for key, question in distinct.items() if key not in store.answers]
        own = shard(missing, process.process_index, process.num_processes)
        if own:
            _answer(system, own, store, process, batch_size)
        process.wait_for_everyone()
        if process.is_main_process:
            store.merge()
            answers[system.name] = {
                config: [store.answers[prompt_key(question)] for question in config_questions]
                for config, config_questions in questions.items()
            }
            _check_answers(system.name, answers[system.name])
    return answers


def _check_answers(name: str, answers: Mapping[str, Sequence[str]]) -> None:
    """Raise `InputError` if all answers of a config are empty; a single empty answer only gets a low score."""
    for config, config_answers in answers.items():
        if not any(config_answers):
            raise InputError(
                f"{name}: every answer to the questions of {config!r} is empty, because the model begins with the "
                "end-of-sequence token; check its tokenizer, or train the model further"
            )


def _answer(
    system: System,
    questions: Sequence[CorpusQuestion],
    store: AnswerStore,
    process: PartialState,
    batch_size: int | None,
) -> None:
    from tqdm import tqdm

    model, tokenizer = load_model(system.model, process.device if process.device.type == "cuda" else None)
    with tqdm(
        total=len(questions),
        desc=f"answering: {system.name}",
        unit="question",
        # None: only on a terminal.
        disable=None if process.is_local_main_process else True,
    ) as bar:
        if system.decoding is None:
            batches = answer_in_batches(model, tokenizer, questions, batch_size)
        else:
            batches = mbr_in_batches(model, tokenizer, questions, system.decoding, batch_size)
        for answers in batches:
            store.append({prompt_key(questions[number]): answer for number, answer in answers.items()})
            bar.update(len(answers))
