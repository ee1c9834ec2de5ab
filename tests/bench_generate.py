"""`make bench-generate`: papers attempted a second, one at a time and unconstrained, beside `generate`'s own way.

Both run the packaged teacher on the same papers of the sample, with its prompt, sampling and token budget, each in a
process of its own that measures itself, the loading of the model included: the first is transformers' own sampling,
one paper after the other, and takes what comes; the second is what `generate` does in process. A response is valid if
it parses. What is finished is told on stderr; the last line is for programs to read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dataset_builder.corpus.papers import read_papers
from dataset_builder.generate.backends.in_process import InProcess, load_model, load_tokenizer, prompt_tokens
from dataset_builder.generate.journal import Attempt, Finished, Request, seed_of
from dataset_builder.generate.schema import parses
from dataset_builder.teachers.teacher import Teacher, read_teacher
from dataset_builder.hardware import peak_memory_bytes, use_all_threads

PAPERS = 16
SEED = 0
SAMPLE = Path("dataset_builder/sample/papers")


def one_at_a_time(teacher: Teacher, requests: list[Request], finished: Callable[[list[Finished]], None]) -> None:
    """Make a response to each paper by itself, without a grammar, once."""
    import torch
    from transformers import set_seed

    tokenizer, model = load_tokenizer(teacher), load_model(teacher)
    for request, prompt in zip(requests, prompt_tokens(tokenizer, requests), strict=True):
        seed = seed_of(SEED, request.paper_id, 0)
        set_seed(seed)
        inputs = torch.tensor([prompt], device=model.device)
        tokens = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=teacher.limits.new_tokens,
            do_sample=True,
            temperature=teacher.sampling.temperature,
            top_p=teacher.sampling.top_p,
            pad_token_id=tokenizer.pad_token_id,
        )[0, len(prompt) :]
        reason = "length" if len(tokens) == teacher.limits.new_tokens else "stop"
        attempt = Attempt(seed, tokenizer.decode(tokens, skip_special_tokens=True), reason, len(tokens))
        finished([Finished(request.paper_id, request.sha256, "transformers", [attempt])])


def in_batches(teacher: Teacher, requests: list[Request], finished: Callable[[list[Finished]], None]) -> None:
    """Make what `generate` makes of each paper."""
    InProcess().answer(teacher, requests, SEED, lambda _: False, (0, 1), finished)


def measure(way: str) -> dict[str, float]:
    """Return papers and tokens a second, the share of valid responses, the longest, and the peak memory."""
    use_all_threads()
    teacher = read_teacher("smollm2")
    papers = read_papers(SAMPLE)[:PAPERS]
    requests = [Request(paper.paper_id, teacher.request(paper.title, paper.abstract)) for paper in papers]
    results: list[Finished] = []
    begun = time.monotonic()

    def finished(made: list[Finished]) -> None:
        results.extend(made)
        tokens = sum(attempt.tokens for result in results for attempt in result.attempts)
        seconds = time.monotonic() - begun
        sys.stderr.write(f"{way}: {len(results)} of {len(requests)} papers, {tokens} tokens, {seconds:.0f} s\n")

    {"one": one_at_a_time, "batches": in_batches}[way](teacher, requests, finished)
    seconds = time.monotonic() - begun
    last = [result.attempts[-1] for result in results]
    return {
        "papers": len(results),
        "papers_per_second": len(results) / seconds,
        "tokens_per_second": sum(attempt.tokens for result in results for attempt in result.attempts) / seconds,
        "valid": sum(parses(attempt.text, teacher.limits) for attempt in last) / len(last),
        "longest": max(attempt.tokens for attempt in last),
        "memory": peak_memory_bytes() / 2**30,
    }


def main() -> None:
    """Measure both ways, each in a fresh process, and print them side by side."""
    write = sys.stdout.write
    if len(sys.argv) > 1:
        write(json.dumps(measure(sys.argv[1])) + "\n")
        return
    measured = {}
    for way, name in (("one", "one at a time, unconstrained"), ("batches", "generate, in batches, constrained")):
        command = [sys.executable, "-m", "tests.bench_generate", way]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        of = measured[way] = json.loads(done.stdout.splitlines()[-1])
        write(
            f"{name}: {of['papers_per_second']:.3f} papers/s, {of['tokens_per_second']:.1f} tokens/s, "
            f"{of['valid']:.0%} of {of['papers']} valid, longest {of['longest']} tokens, "
            f"peak memory {of['memory']:.1f} GiB\n"
        )
        sys.stdout.flush()
    write(f"ratio: {measured['batches']['papers_per_second'] / measured['one']['papers_per_second']:.1f}\n")


if __name__ == "__main__":
    main()
