"""`make bench-generate`: papers a second of the packaged teacher, by this project and by transformers' sampling.

`python -m tests.bench_generate [--papers N]`. Both get the same papers, prompt, sampling and token budget, and load
the model in the measured time. Transformers responds to one paper after the other and does not follow the grammar. A
response is valid if it parses.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, cast

import torch
from transformers import set_seed

from dataset_builder.corpus.papers import read_papers
from dataset_builder.generate.backends.in_process import (
    TransformersBackend,
    load_model,
    load_tokenizer,
    tokenize_prompts,
)
from dataset_builder.generate.responses import PaperResult, Request, derive_seed
from dataset_builder.generate.schema import can_parse
from dataset_builder.hardware import use_all_threads
from dataset_builder.teachers.teacher import Teacher, read_teacher
from tests.corpus_slice import CORPUS_SLICE

TEACHER = "smollm2"
SEED = 0
HEADER = "| system | papers/s | tokens/s | valid |\n| --- | ---: | ---: | ---: |\n"


def respond_alone(teacher: Teacher, requests: list[Request]) -> tuple[list[str], int]:
    """Return the responses by transformers' sampling, one paper after the other, and their tokens."""
    tokenizer, model = load_tokenizer(teacher), cast("Any", load_model(teacher))
    texts, count = [], 0
    for request, prompt in zip(requests, tokenize_prompts(tokenizer, requests), strict=True):
        set_seed(derive_seed(SEED, request.paper_id, 0))
        inputs = torch.tensor([prompt], device=model.device)
        tokens = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=teacher.limits.new_tokens,
            do_sample=True,
            temperature=teacher.sampling.temperature,
            top_p=teacher.sampling.top_p,
            top_k=0,
            pad_token_id=tokenizer.pad_token_id,
        )[0, len(prompt) :]
        texts.append(cast("str", tokenizer.decode(tokens, skip_special_tokens=True)))
        count += len(tokens)
    return texts, count


def respond_in_batches(teacher: Teacher, requests: list[Request]) -> tuple[list[str], int]:
    """Return the responses as `python -m dataset_builder generate` makes them, and the tokens of all attempts."""
    results: list[PaperResult] = []
    TransformersBackend(batch_size=len(requests)).respond(teacher, requests, SEED, slice(None), results.extend)
    tokens = sum(response.tokens for result in results for response in result.responses)
    return [result.responses[-1].text for result in results], tokens


def main() -> None:
    """Let both systems respond, and print the table and the ratio of their speeds."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_generate", description=__doc__, allow_abbrev=False)
    command.add_argument("--papers", type=int, default=16, metavar="N", help="default: %(default)s")
    count = command.parse_args().papers
    use_all_threads()
    teacher = read_teacher(TEACHER)
    papers = read_papers(CORPUS_SLICE / "papers")[:count]
    requests = [Request(paper.paper_id, teacher.render_prompt(paper.title, paper.abstract or "")) for paper in papers]
    sys.stdout.write(HEADER)
    seconds = []
    for name, respond in (("generate, one prompt", respond_alone), ("this project", respond_in_batches)):
        begun = time.monotonic()
        texts, tokens = respond(teacher, requests)
        seconds.append(time.monotonic() - begun)
        valid = sum(can_parse(text, teacher.limits) for text in texts)
        speeds = f"{len(texts) / seconds[-1]:.3f} | {tokens / seconds[-1]:.1f}"
        sys.stdout.write(f"| {name} | {speeds} | {valid} of {len(texts)} |\n")
    sys.stdout.write(f"\nratio: {seconds[0] / seconds[1]:.1f}\n")


if __name__ == "__main__":
    main()
