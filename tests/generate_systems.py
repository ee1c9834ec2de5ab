"""Let the packaged teacher respond by this project or by another library, in a process of its own (`bench_generate`).

`python -m tests.generate_systems SYSTEM --papers N --converted DIR --out FILE` writes the responses and what they
took, as JSON. The system `convert` writes the model for CTranslate2 to `--converted` in place of responding.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import ContinuousBatchingConfig, LogitsProcessor, set_seed

from dataset_builder.corpus.papers import read_papers
from dataset_builder.files import replacing
from dataset_builder.generate.backends import in_process
from dataset_builder.generate.backends.constrained import SeededRows
from dataset_builder.generate.backends.in_process import BatchGenerator, TransformersBackend
from dataset_builder.generate.responses import PaperResult, Request, derive_seed
from dataset_builder.hardware import use_all_threads
from dataset_builder.models.folders import find_model
from dataset_builder.teachers.teacher import Teacher, read_teacher
from eval.generation.generation_rules import rules_of_folder
from tests.answer_systems import CONVERT, convert
from tests.corpus_slice import CORPUS_SLICE

TEACHER = "smollm2"
SEED = 0
# Tokens that continuous batching reads at once, and tokens in a page of its cache.
STEP_TOKENS, PAGE_TOKENS = 1024, 32


@dataclass(frozen=True)
class GenerateRun:
    """The last response to each paper, the tokens of each, and what they took, with the loading of the model.

    `total_tokens` are those of all attempts.
    """

    texts: list[str]
    tokens: list[int]
    total_tokens: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Generated:
    """The last response to a paper; `total_tokens` are those of all attempts."""

    text: str
    tokens: int
    total_tokens: int


def respond_alone(teacher: Teacher, requests: list[Request]) -> list[Generated]:
    """Respond by transformers' sampling, one paper after the other."""
    tokenizer, model, prompts = _load(teacher, requests)
    found = []
    for number, (request, prompt) in enumerate(zip(requests, prompts, strict=True), start=1):
        set_seed(derive_seed(SEED, request.paper_id, 0))
        inputs = torch.tensor([prompt], device=model.device)
        tokens = model.generate(
            inputs, attention_mask=torch.ones_like(inputs), pad_token_id=tokenizer.pad_token_id, **_sampling(teacher)
        )[0, len(prompt) :].tolist()
        found.append(_generated(tokenizer, tokens))
        _show(number, requests)
    return found


def respond_in_batches(teacher: Teacher, requests: list[Request]) -> list[Generated]:
    """Respond as `python -m dataset_builder generate` does."""
    results: dict[str, PaperResult] = {}

    def add(batch: list[PaperResult]) -> None:
        results.update((result.paper_id, result) for result in batch)
        _show(len(results), requests)

    TransformersBackend(batch_size=len(requests)).respond(teacher, requests, SEED, slice(None), add)
    return [_of_result(results[request.paper_id]) for request in requests]


def respond_by_generate(teacher: Teacher, requests: list[Request]) -> list[Generated]:
    """Respond to all papers in one batch of the project, with the loop over tokens of transformers' `generate`."""
    tokenizer = in_process.load_tokenizer(teacher)
    results = ByGenerate(teacher, tokenizer).respond(requests, in_process.tokenize_prompts(tokenizer, requests), SEED)
    return [_of_result(result) for result in results]


def respond_continuously(teacher: Teacher, requests: list[Request]) -> list[Generated]:
    """Respond by transformers' continuous batching."""
    tokenizer, model, prompts = _load(teacher, requests)
    set_seed(SEED)
    settings = model.generation_config
    settings.update(**_sampling(teacher))
    pages = (max(map(len, prompts)) + teacher.limits.new_tokens) // PAGE_TOKENS + 1
    # Without limits it would take more than half of the free memory.
    batching = ContinuousBatchingConfig(
        page_size=PAGE_TOKENS,
        num_blocks=pages * len(prompts),
        max_batch_tokens=STEP_TOKENS,
        max_requests_per_batch=len(prompts),
    )
    outputs = model.generate_batch(prompts, settings, batching)
    return [_generated(tokenizer, list(done.generated_tokens)) for done in outputs.values()]


def respond_by_ctranslate2(teacher: Teacher, requests: list[Request], converted: Path) -> list[Generated]:
    """Respond by CTranslate2 in float32, in one batch."""
    import ctranslate2

    tokenizer = in_process.load_tokenizer(teacher)
    prompts = in_process.tokenize_prompts(tokenizer, requests)
    ends = rules_of_folder(find_model("teacher", teacher.model)).end_tokens
    generator = ctranslate2.Generator(str(converted), compute_type="float32", intra_threads=torch.get_num_threads())
    ctranslate2.set_random_seed(SEED)
    results = generator.generate_batch(
        [tokenizer.convert_ids_to_tokens(prompt) for prompt in prompts],
        max_length=teacher.limits.new_tokens,
        sampling_topk=0,
        sampling_topp=teacher.sampling.top_p,
        sampling_temperature=teacher.sampling.temperature,
        end_token=list(ends),
        include_prompt_in_result=False,
    )
    return [_generated(tokenizer, list(result.sequences_ids[0])) for result in results]


class ByGenerate(BatchGenerator):
    """The project's generator, with transformers' `generate` in place of its own loop: it draws the same tokens."""

    def generate_tokens(self, prompts: list[list[int]], seeds: list[int]) -> list[list[int]]:
        """Return the tokens of each response, with its end token."""
        columns = max(map(len, prompts)) + 1
        inputs = self.tokenizer.pad(
            {"input_ids": prompts}, padding="max_length", max_length=columns, padding_side="left", return_tensors="pt"
        )
        draws = Draws(SeededRows(self.grammar, self.teacher.sampling, seeds), self.end_tokens)
        with torch.inference_mode():
            tokens = (
                cast("Any", self.model)
                .generate(
                    **inputs.to(self.model.device),
                    max_new_tokens=self.teacher.limits.new_tokens,
                    do_sample=False,
                    logits_processor=[draws],
                    eos_token_id=self.end_tokens,
                    pad_token_id=self.tokenizer.pad_token_id,
                )[:, columns:]
                .tolist()
            )
        return [row[: _length(row, self.end_tokens)] for row in tokens]


class Draws(LogitsProcessor):
    """Leaves the token that `sampler` draws as the only possible one of each row, until an end token."""

    def __init__(self, sampler: SeededRows, end_tokens: list[int]) -> None:
        self.sampler = sampler
        self.end_tokens = end_tokens
        self.open_rows: list[int] | None = None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Return the scores (rows, vocabulary): 0 for the token that is drawn, else minus infinity."""
        rows = range(len(input_ids)) if self.open_rows is None else self.open_rows
        last = input_ids[:, -1].tolist()
        is_first = self.open_rows is None
        self.open_rows = [row for row in rows if is_first or last[row] not in self.end_tokens]
        drawn = self.sampler.draw(self.open_rows, scores[self.open_rows])
        only = torch.full_like(scores, -torch.inf)
        only[self.open_rows, drawn] = 0.0
        return cast("torch.FloatTensor", only)


# By name in the table, in its order: the second one is this project's, and the last one reads the converted model.
SYSTEMS: dict[str, Callable[..., list[Generated]]] = {
    "generate, one prompt": respond_alone,
    "this project": respond_in_batches,
    "this project, by generate's loop": respond_by_generate,
    "generate_batch": respond_continuously,
    "CTranslate2 float32": respond_by_ctranslate2,
}
ALONE, PROJECT, *_, CONVERTED = SYSTEMS


def _load(teacher: Teacher, requests: list[Request]) -> tuple[Any, Any, list[list[int]]]:
    tokenizer, model = in_process.load_tokenizer(teacher), in_process.load_model(teacher)
    return tokenizer, model, in_process.tokenize_prompts(tokenizer, requests)


def _sampling(teacher: Teacher) -> dict[str, Any]:
    return {
        "max_new_tokens": teacher.limits.new_tokens,
        "do_sample": True,
        "temperature": teacher.sampling.temperature,
        "top_p": teacher.sampling.top_p,
        "top_k": 0,
    }


def _generated(tokenizer: Any, tokens: list[int]) -> Generated:
    return Generated(tokenizer.decode(tokens, skip_special_tokens=True), len(tokens), len(tokens))


def _of_result(result: PaperResult) -> Generated:
    own = result.responses
    return Generated(own[-1].text, own[-1].tokens, sum(response.tokens for response in own))


def _length(row: list[int], ends: list[int]) -> int:
    """Return the number of tokens up to the first end token, with it."""
    return next((column for column, token in enumerate(row, start=1) if token in ends), len(row))


def _show(count: int, requests: list[Request]) -> None:
    sys.stderr.write(f"{count} of {len(requests)} papers\n")


def main() -> None:
    """Respond by one system, and write its `GenerateRun` as JSON."""
    command = argparse.ArgumentParser(prog="python -m tests.generate_systems", description=__doc__)
    command.add_argument("system", choices=[CONVERT, *SYSTEMS])
    command.add_argument("--papers", type=int, required=True)
    command.add_argument("--converted", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True)
    arguments = command.parse_args()
    use_all_threads()
    teacher = read_teacher(TEACHER)
    if arguments.system == CONVERT:
        convert(find_model("teacher", teacher.model), arguments.converted)
        return
    converted = {"converted": arguments.converted} if arguments.system == CONVERTED else {}
    papers = read_papers(CORPUS_SLICE / "papers")[: arguments.papers]
    requests = [Request(paper.paper_id, teacher.render_prompt(paper.title, paper.abstract or "")) for paper in papers]
    begun, cpu_begun = time.monotonic(), time.process_time()
    found = SYSTEMS[arguments.system](teacher, requests, **converted)
    run = GenerateRun(
        texts=[one.text for one in found],
        tokens=[one.tokens for one in found],
        total_tokens=sum(one.total_tokens for one in found),
        seconds=time.monotonic() - begun,
        cpu_seconds=time.process_time() - cpu_begun,
    )
    with replacing(arguments.out) as temporary:
        temporary.write_text(json.dumps(asdict(run)))


if __name__ == "__main__":
    main()
