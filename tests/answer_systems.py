"""Answer test questions with this project or with another library, in a process of its own (for `bench_answers.py`).

`python -m tests.answer_systems SYSTEM --model DIR --dataset DIR --configs plain --papers N --converted DIR --out FILE`
writes the answers and the time that they took. The system `convert` writes the model for CTranslate2 to `--converted`
in place of answering. All systems start from the same token ids and end an answer at the same tokens.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, Question, read_questions
from dataset_builder.files import replacing
from dataset_builder.models.folders import ModelFolder, find_model, tokenizer_folder
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.prompting import Prompt, PromptForm

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Prompts in a batch of the other libraries, except where the name of a system has another number. The project's own
# batches have as many on a CPU.
BATCH = 48
# Tokens that continuous batching reads at once, and tokens in a page of its cache. Prompts can share whole pages only.
STEP_TOKENS, PAGE_TOKENS = 1024, 32

# Returns the texts of the answers to questions.
Answering = Callable[[Sequence[Question]], list[str]]


class SystemInput(NamedTuple):
    """The model, its conversion for CTranslate2, and the form of the prompts."""

    folder: ModelFolder
    converted: Path
    prompt: Prompt


@dataclass(frozen=True)
class SystemRun:
    """The answers of a system, and the seconds and the processor seconds that they took after a first one."""

    answers: list[str]
    seconds: float
    cpu_seconds: float


def load_alone(given: SystemInput) -> Answering:
    """Return plain `model.generate` on one prompt after the other."""
    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import answer_alone, encode_prompts

    model, tokenizer = load_model(given.folder)

    def answer(questions: Sequence[Question]) -> list[str]:
        prompts = encode_prompts(model, tokenizer, questions, given.prompt)
        return [answer_alone(model, tokenizer, prompt, given.prompt).text for prompt in prompts]

    return answer


def load_shared(given: SystemInput) -> Answering:
    """Return the project's batches, in which the questions on a paper share its abstract."""
    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import answer_in_batches

    model, tokenizer = load_model(given.folder)

    def answer(questions: Sequence[Question]) -> list[str]:
        answers = {}
        for batch in answer_in_batches(model, tokenizer, questions, prompt=given.prompt):
            answers.update(batch)
        return [answers[number].text for number in range(len(questions))]

    return answer


def load_padded(given: SystemInput, batch_size: int) -> Answering:
    """Return `model.generate` on batches of prompts of similar length, padded on the left."""
    import torch

    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import encode_prompts
    from eval.generation.generation_rules import read_rules

    model, tokenizer = load_model(given.folder)
    ends = list(read_rules(model.generation_config, tokenizer).end_tokens)

    def answer(questions: Sequence[Question]) -> list[str]:
        prompts = encode_prompts(model, tokenizer, questions, given.prompt)
        by_length = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
        answers = {}
        for start in range(0, len(prompts), batch_size):
            numbers = by_length[start : start + batch_size]
            batch = {"input_ids": [prompts[number] for number in numbers]}
            inputs = tokenizer.pad(batch, padding_side="left", return_tensors="pt").to(model.device)
            with torch.inference_mode():
                tokens = model.generate(
                    **inputs,
                    max_new_tokens=MAX_ANSWER_TOKENS,
                    do_sample=False,
                    eos_token_id=ends or None,
                    pad_token_id=tokenizer.pad_token_id,
                )
            for number, row in zip(numbers, tokens[:, inputs["input_ids"].shape[1] :].tolist(), strict=True):
                answers[number] = read_text(tokenizer, row, ends, given.prompt)
        return [answers[number] for number in range(len(prompts))]

    return answer


def load_continuous(given: SystemInput) -> Answering:
    """Return transformers' continuous batching, in which prompts share the pages of a common beginning."""
    from transformers import ContinuousBatchingConfig

    from dataset_builder.models.language_model import load_model
    from eval.generation.answers import encode_prompts
    from eval.generation.generation_rules import read_rules

    model, tokenizer = load_model(given.folder)
    ends = list(read_rules(model.generation_config, tokenizer).end_tokens)

    def answer(questions: Sequence[Question]) -> list[str]:
        prompts = encode_prompts(model, tokenizer, questions, given.prompt)
        settings = copy.deepcopy(model.generation_config)
        settings.update(max_new_tokens=MAX_ANSWER_TOKENS, do_sample=False, eos_token_id=ends or None)
        pages_of_a_prompt = (max(map(len, prompts)) + MAX_ANSWER_TOKENS) // PAGE_TOKENS + 1
        # Without limits it would take more than half of the free memory.
        batching = ContinuousBatchingConfig(
            page_size=PAGE_TOKENS,
            num_blocks=pages_of_a_prompt * min(BATCH, len(prompts)),
            max_batch_tokens=STEP_TOKENS,
            max_requests_per_batch=BATCH,
        )
        outputs = model.generate_batch(prompts, settings, batching)
        return [read_text(tokenizer, done.generated_tokens, ends, given.prompt) for done in outputs.values()]

    return answer


def load_ctranslate2(given: SystemInput, compute_type: str, by_paper: bool = False) -> Answering:
    """Return CTranslate2: batches of all prompts or, if `by_paper`, of the prompts of one paper.

    By paper, CTranslate2 reads the common beginning of the prompts once, as their `static_prompt`.
    """
    import ctranslate2
    import torch
    from transformers import AutoTokenizer

    from dataset_builder.token_rows.row import shared_length
    from eval.generation.batches import group_by_paper
    from eval.generation.generation_rules import encoder_of_folder, rules_of_folder

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder(given.folder))
    encoder = encoder_of_folder(given.folder, given.prompt)
    rules = rules_of_folder(given.folder)
    ends = list(rules.end_tokens)
    generator = ctranslate2.Generator(
        str(given.converted), compute_type=compute_type, inter_threads=1, intra_threads=torch.get_num_threads()
    )

    def generate(prompts: list[list[int]], shared: list[int] | None) -> list[str]:
        results = generator.generate_batch(
            [tokenizer.convert_ids_to_tokens(prompt) for prompt in prompts],
            static_prompt=tokenizer.convert_ids_to_tokens(shared) if shared else None,
            # A paper's beginning is never used again.
            cache_static_prompt=False,
            max_batch_size=BATCH,
            max_length=MAX_ANSWER_TOKENS,
            end_token=ends,
            repetition_penalty=rules.repetition_penalty,
            include_prompt_in_result=False,
        )
        return [read_text(tokenizer, result.sequences_ids[0], ends, given.prompt) for result in results]

    def answer(questions: Sequence[Question]) -> list[str]:
        prompts = [encoder.encode(question).token_ids for question in questions]
        if not by_paper:
            return generate(prompts, None)
        answers = {}
        for numbers in group_by_paper(questions, prompts):
            own = [prompts[number] for number in numbers]
            common = shared_length(own)
            texts = generate([prompt[common:] for prompt in own], own[0][:common])
            answers.update(zip(numbers, texts, strict=True))
        return [answers[number] for number in range(len(questions))]

    return answer


# By name in the table, in its order. The first one is what the others are compared with, the second one is ours.
SYSTEMS: dict[str, Callable[[SystemInput], Answering]] = {
    "generate, one prompt": load_alone,
    "this project": load_shared,
    "generate, padded, 4": partial(load_padded, batch_size=4),
    "generate, padded, 16": partial(load_padded, batch_size=16),
    "generate, padded, 48": partial(load_padded, batch_size=48),
    "generate_batch": load_continuous,
    "CTranslate2 float32": partial(load_ctranslate2, compute_type="float32"),
    "CTranslate2 float32, by paper": partial(load_ctranslate2, compute_type="float32", by_paper=True),
    "CTranslate2 int8": partial(load_ctranslate2, compute_type="int8"),
}
REFERENCE, PROJECT = list(SYSTEMS)[:2]
# The system that writes the converted model, and the library that it needs.
CONVERT, CONVERTED_LIBRARY = "convert", "ctranslate2"


def read_text(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int], ends: Sequence[int], prompt: Prompt) -> str:
    """Return the answer in generated `tokens`: those before the first end token."""
    end = next((column for column, token in enumerate(tokens) if token in ends), len(tokens))
    text = tokenizer.decode(tokens[:end], skip_special_tokens=True)
    return prompt.read_answer(text, at_limit=False).text


def choose_questions(dataset: str, configs: Sequence[str], papers: int | None) -> list[CorpusQuestion]:
    """Return all test questions on `papers` papers at equal distances, as many for each paper as in an evaluation."""
    questions = [
        question for config in configs for question in read_questions(load_corpus_split(dataset, config, "test"))
    ]
    ids = sorted({question.paper_id for question in questions})
    kept = set(ids[:: max(1, len(ids) // papers)][:papers] if papers else ids)
    return [question for question in questions if question.paper_id in kept]


def run_system(answer: Answering, questions: Sequence[Question]) -> SystemRun:
    """Return the answers with the time that they took; the first answer warms up and does not count."""
    answer(questions[:1])
    begun, cpu_begun = time.perf_counter(), time.process_time()
    answers = answer(questions)
    return SystemRun(answers, time.perf_counter() - begun, time.process_time() - cpu_begun)


def convert(folder: ModelFolder, out: Path) -> None:
    """Write the model, an adapter merged, in float32 for CTranslate2."""
    from ctranslate2.converters import TransformersConverter

    from dataset_builder.models.language_model import load_model

    model, tokenizer = load_model(folder)
    with TemporaryDirectory() as merged:
        model.save_pretrained(merged)
        tokenizer.save_pretrained(merged)
        TransformersConverter(merged).convert(str(out), force=True)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is asked."""
    command.add_argument("--model", required=True)
    command.add_argument("--dataset", required=True)
    command.add_argument("--configs", required=True, nargs="+")
    command.add_argument("--papers", type=int, help="all test questions on N papers; default: on all")
    command.add_argument("--prompt", choices=["plain", "chat"], default="plain")


def main() -> None:
    """Answer by one system, and write its `SystemRun` as JSON."""
    command = argparse.ArgumentParser(prog="python -m tests.answer_systems", description=__doc__)
    command.add_argument("system", choices=[CONVERT, *SYSTEMS])
    add_arguments(command)
    command.add_argument("--converted", type=Path, required=True)
    command.add_argument("--out", type=Path)
    arguments = command.parse_args()
    folder = find_model("model", arguments.model)
    if arguments.system == CONVERT:
        convert(folder, arguments.converted)
        return
    form: PromptForm = arguments.prompt
    answer = SYSTEMS[arguments.system](SystemInput(folder, arguments.converted, Prompt(form)))
    questions = choose_questions(arguments.dataset, arguments.configs, arguments.papers)
    run = run_system(answer, questions)
    with replacing(arguments.out) as temporary:
        temporary.write_text(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
