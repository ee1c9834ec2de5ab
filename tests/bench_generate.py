"""`make bench-generate`: papers per second, one at a time and unconstrained, compared with `generate`.

Both run the packaged teacher on the same papers of the open corpus, with its prompt, sampling and token budget, each
in a process of its own that measures itself, with the loading of the model: the first is transformers' own sampling,
one paper after the other, without retries; the second is what `generate` does in process. A response is valid if it
parses. The progress goes to stderr; the last line is for programs to read.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from dataset_builder.corpus.manifest import Response
from dataset_builder.corpus.papers import read_papers
from dataset_builder.generate.backends.in_process import (
    TransformersBackend,
    load_model,
    load_tokenizer,
    tokenize_prompts,
)
from dataset_builder.generate.responses import PaperResult, Request, derive_seed
from dataset_builder.generate.schema import can_parse
from dataset_builder.hardware import peak_memory_bytes, use_all_threads
from dataset_builder.teachers.teacher import Teacher, read_teacher
from tests.corpus_slice import CORPUS_SLICE

PAPERS = 16
SEED = 0


def one_at_a_time(teacher: Teacher, requests: list[Request], on_results: Callable[[list[PaperResult]], None]) -> None:
    """Generate one response to each paper by itself, without a grammar."""
    import torch
    from transformers import set_seed

    tokenizer, model = load_tokenizer(teacher), load_model(teacher)
    for request, prompt in zip(requests, tokenize_prompts(tokenizer, requests), strict=True):
        seed = derive_seed(SEED, request.paper_id, 0)
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
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        response = Response(seed=seed, text=text, finish_reason=reason, tokens=len(tokens))
        result = PaperResult(
            paper_id=request.paper_id,
            request_sha256=request.sha256,
            made_by="transformers",
            responses=[response],
        )
        on_results([result])


def in_batches(teacher: Teacher, requests: list[Request], on_results: Callable[[list[PaperResult]], None]) -> None:
    """Generate the responses as `generate` does."""
    TransformersBackend().respond(teacher, requests, SEED, slice(None), on_results)


def measure(method: str) -> dict[str, float]:
    """Return papers and tokens a second, the share of valid responses, the longest, and the peak memory."""
    use_all_threads()
    teacher = read_teacher("smollm2")
    papers = read_papers(CORPUS_SLICE / "papers")[:PAPERS]
    requests = [Request(paper.paper_id, teacher.render_prompt(paper.title, paper.abstract or "")) for paper in papers]
    results: list[PaperResult] = []
    begun = time.monotonic()

    def add(new: list[PaperResult]) -> None:
        results.extend(new)
        tokens = sum(response.tokens for result in results for response in result.responses)
        seconds = time.monotonic() - begun
        sys.stderr.write(f"{method}: {len(results)} of {len(requests)} papers, {tokens} tokens, {seconds:.0f} s\n")

    {"one": one_at_a_time, "batches": in_batches}[method](teacher, requests, add)
    seconds = time.monotonic() - begun
    last = [result.responses[-1] for result in results]
    return {
        "papers": len(results),
        "papers_per_second": len(results) / seconds,
        "tokens_per_second": sum(response.tokens for result in results for response in result.responses) / seconds,
        "valid": sum(can_parse(response.text, teacher.limits) for response in last) / len(last),
        "longest": max(response.tokens for response in last),
        "memory": peak_memory_bytes() / 2**30,
    }


def main() -> None:
    """Measure both methods, each in a fresh process, and print them side by side."""
    write = sys.stdout.write
    if len(sys.argv) > 1:
        write(json.dumps(measure(sys.argv[1])) + "\n")
        return
    measured = {}
    for method, name in (("one", "one at a time, unconstrained"), ("batches", "generate, in batches, constrained")):
        command = [sys.executable, "-m", "tests.bench_generate", method]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures = measured[method] = json.loads(done.stdout.splitlines()[-1])
        write(
            f"{name}: {figures['papers_per_second']:.3f} papers/s, {figures['tokens_per_second']:.1f} tokens/s, "
            f"{figures['valid']:.0%} of {figures['papers']} valid, longest {figures['longest']} tokens, "
            f"peak memory {figures['memory']:.1f} GiB\n"
        )
        sys.stdout.flush()
    write(f"ratio: {measured['batches']['papers_per_second'] / measured['one']['papers_per_second']:.1f}\n")


if __name__ == "__main__":
    main()
