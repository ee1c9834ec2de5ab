"""`make bench-generate`: papers attempted a second, one at a time and unconstrained, beside `generate`'s own way.

Both run the packaged teacher on the same papers of the sample, with its prompt, sampling, seeds and token budget, each
in a process of its own that measures itself: the first asks for one paper after the other and takes what comes, the
second is `generate` in process. A response is valid if it parses. The last line is for programs to read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from dataset_builder.generate.in_process import BATCH_SIZE, BatchGenerator, load_tokenizer, prompt_tokens
from dataset_builder.generate.journal import Finished, Request
from dataset_builder.generate.schema import parses
from dataset_builder.generate.teacher import read_teacher
from dataset_builder.hardware import peak_memory_bytes, use_all_threads
from dataset_builder.papers import read_papers

PAPERS = 8
SAMPLE = Path("dataset_builder/sample/papers")


def one_at_a_time(generator: BatchGenerator, requests: list[Request], prompts: list[list[int]]) -> list[Finished]:
    """Return a response to each paper, made alone, without a grammar, once."""
    generator.grammar = None
    generator.teacher = replace(generator.teacher, limits=replace(generator.teacher.limits, attempts=1))
    return [generator.batch([request], [prompt], 0)[0] for request, prompt in zip(requests, prompts, strict=True)]


def in_batches(generator: BatchGenerator, requests: list[Request], prompts: list[list[int]]) -> list[Finished]:
    """Return what `generate` makes of each paper, in its batches."""
    order = sorted(range(len(requests)), key=lambda number: -len(prompts[number]))
    batches = [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]
    return [
        result
        for batch in batches
        for result in generator.batch([requests[row] for row in batch], [prompts[row] for row in batch], 0)
    ]


def measure(way: str) -> dict[str, float]:
    """Return papers and tokens a second, the share of valid responses, and the peak memory, without the loading."""
    use_all_threads()
    teacher = read_teacher("smollm2")
    papers = read_papers(SAMPLE)[:PAPERS]
    requests = [Request(paper.paper_id, teacher.request(paper.title, paper.abstract)) for paper in papers]
    tokenizer = load_tokenizer(teacher)
    prompts = prompt_tokens(tokenizer, requests)
    generator = BatchGenerator(teacher, tokenizer)
    make = {"one": one_at_a_time, "batches": in_batches}[way]
    begun = time.monotonic()
    results = make(generator, requests, prompts)
    seconds = time.monotonic() - begun
    last = [result.attempts[-1] for result in results]
    return {
        "papers": len(results),
        "papers_per_second": len(results) / seconds,
        "tokens_per_second": sum(attempt.tokens for attempt in last) / seconds,
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
