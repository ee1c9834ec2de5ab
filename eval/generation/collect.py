"""Collect the answers of every system to every question, from all processes of a launch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from accelerate import PartialState
from tqdm import tqdm

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.models.language_model import load_model
from eval.generation.answer_store import AnswerStore, prompt_key
from eval.generation.answers import answer_in_batches
from eval.generation.served_answers import answer_by_server
from eval.prompting import Answer
from eval.question_sample import shard
from eval.served_model import ServedModel
from eval.systems import System


def collect_answers(
    systems: Sequence[System],
    questions: Mapping[str, Sequence[CorpusQuestion]],
    out: Path,
    process: PartialState,
    batch_size: int | None = None,
) -> dict[str, dict[str, list[Answer]]]:
    """Return the answers by config and system, in the order of `questions`; only answers missing in `out` are made.

    A question that two configs share is answered once. Every process of a launch must call this. The first process
    merges all answers and returns them; the others return no answers.

    Raises `InputError` for a system whose answers are all empty, before the next system answers.
    """
    distinct = {prompt_key(question): question for config in questions.values() for question in config}
    answers: dict[str, dict[str, list[Answer]]] = {config: {} for config in questions}
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
            for config, config_questions in questions.items():
                given = [store.answers[prompt_key(question)] for question in config_questions]
                # A single empty answer only gets a low score.
                if not any(answer.text for answer in given):
                    problem = f"every answer to the questions of {config!r} is empty"
                    raise InputError(f"{system.name}: {problem}; {_remedy_for_empty_answers(system, store.path)}")
                answers[config][system.name] = given
    return answers


def _remedy_for_empty_answers(system: System, answers: Path) -> str:
    if isinstance(system.model, ServedModel):
        remedy = "a reasoning model can spend all its tokens on reasoning: turn that off on the server, or ask another"
        return f"{remedy}; then remove {answers}, because kept answers are not asked for again"
    return "check the model's tokenizer, or train it further"


def _answer(
    system: System, questions: list[CorpusQuestion], store: AnswerStore, process: PartialState, batch_size: int | None
) -> None:
    # None: only on a terminal.
    hidden = None if process.is_local_main_process else True
    with tqdm(total=len(questions), desc=f"answering: {system.name}", unit="question", disable=hidden) as bar:

        def keep(batch: dict[int, Answer]) -> None:
            store.append({prompt_key(questions[number]): answer for number, answer in batch.items()})
            bar.update(len(batch))

        if isinstance(system.model, ServedModel):
            answer_by_server(system.model, questions, system.prompt, keep)
            return
        model, tokenizer = load_model(system.model)
        is_guarded = system.decoding == "guarded"
        for batch in answer_in_batches(model, tokenizer, questions, batch_size, system.prompt, is_guarded):
            keep(batch)
