"""Answer several questions on each of several papers at once, and read each abstract only once.

A batch has one row for each paper. The row begins with the tokens that the paper's prompts share. Then come the rest
of each prompt and, step by step, one token of each answer. A four-dimensional attention mask lets a question's tokens
see the shared beginning and their own tokens, and each token has the position that it would have in its own prompt.
So the model computes what it computes for one prompt at a time, except for rounding.
"""

import hashlib
from dataclasses import dataclass
from functools import reduce
from typing import cast

import torch
from transformers import Cache, PreTrainedModel

from dataset_builder.models.attention import attention_by
from dataset_builder.prompt import shared_length
from eval.generation.generation_rules import GenerationRules
from eval.generation.grouped_attention import GROUPED, preallocated_cache
from eval.generation.number_guard import GuardedAnswer, NumberGuard, mask_numbers
from eval.run_metrics import AnswerSampling

# In float32 another batch shape changes a logit by less than a tenth of this (RESULTS.md). So a token that is ahead of
# the second best by more is the same in every batch.
NEAR_TIE = 1e-3


@dataclass(frozen=True)
class TokenAnswer:
    """The tokens of an answer, without the token that ended it.

    A greedy answer is `certain` if each of its tokens was ahead of the second best by more than `NEAR_TIE`.
    """

    tokens: list[int]
    certain: bool


@dataclass(frozen=True)
class RowSize:
    """The tokens that the prompts of a paper share, all other tokens of its prompts, and the number of its prompts."""

    shared: int
    rest: int
    prompts: int

    @classmethod
    def of_paper(cls, prompts: list[list[int]]) -> "RowSize":
        """Return the size of a paper's row, whose prompts are given as token ids."""
        shared = shared_length(prompts)
        return cls(shared, sum(map(len, prompts)) - len(prompts) * shared, len(prompts))

    def padded_to(self, other: "RowSize") -> "RowSize":
        """Return the size of both rows in one batch, where each part is as long as the longest one."""
        return RowSize(max(self.shared, other.shared), max(self.rest, other.rest), max(self.prompts, other.prompts))

    def cache_columns(self, max_new_tokens: int, samples: int = 1) -> int:
        """Return how many tokens the cache holds for a row of this size at the end, padding included."""
        return self.shared + self.rest + self.prompts * samples * max_new_tokens


def cache_columns(papers: list[list[list[int]]], max_new_tokens: int, samples: int = 1) -> int:
    """Return how many tokens the cache holds for each row of a batch at the end."""
    size = reduce(RowSize.padded_to, map(RowSize.of_paper, papers))
    return size.cache_columns(max_new_tokens, samples)


def answer_papers(
    model: PreTrainedModel,
    papers: list[list[list[int]]],
    rules: GenerationRules,
    max_new_tokens: int,
    sampling: AnswerSampling | None = None,
    guards: list[list[NumberGuard]] | None = None,
) -> list[list[TokenAnswer]]:
    """Return the answers for each paper, in the order of its prompts, which are given as token ids.

    Without `sampling` these are greedy answers, one for each prompt; with it, all samples of the first prompt, then of
    the next, drawn from the whole vocabulary. An answer ends at the first of `rules.end_tokens`, and the repetition
    penalty applies to the tokens of its prompt and its own, as in transformers' `generate`. The random numbers of a
    sample depend only on the seed, the prompt and the number of the sample. `guards` has the number guard of each
    prompt.
    """
    device = model.device
    samples = sampling.samples if sampling else 1
    counts = [len(prompts) * samples for prompts in papers]
    cache = preallocated_cache(model, cache_columns(papers, max_new_tokens, samples))
    draws = _random_numbers(papers, sampling, max_new_tokens).to(device) if sampling else torch.empty(0)
    with torch.inference_mode(), attention_by(GROUPED, model):
        # A question is read once; then each of its samples continues in its own slot.
        logits, seen, positions = (
            tensor.repeat_interleave(samples, dim=1) for tensor in _read_prompts(model, papers, cache)
        )
        # (papers, slots): the number of the answer in each slot of a row, -1 for an empty slot.
        answer = torch.arange(max(counts), device=device).expand(len(papers), -1)
        answer = torch.where(answer < torch.tensor(counts, device=device)[:, None], answer, -1)
        paper = torch.arange(len(papers), device=device)
        tokens: list[list[list[int]]] = [[[] for _ in range(count)] for count in counts]
        certain = [[True] * count for count in counts]
        guarded = [[GuardedAnswer(guard) for guard in own for _ in range(samples)] for own in guards or []]
        ends = torch.tensor(rules.end_tokens, dtype=torch.long, device=device)
        penalty = rules.repetition_penalty
        # (papers, slots, vocabulary): whether the prompt or the answer of a slot has the token.
        used = _used_tokens(papers, samples, logits) if penalty != 1 else None
        for step in range(max_new_tokens):
            if used is not None:
                logits = torch.where(used, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
            if guarded:
                slots_of_papers = zip(paper.tolist(), answer.tolist(), strict=True)
                present = [[guarded[own][at] if at >= 0 else None for at in slots] for own, slots in slots_of_papers]
                logits = mask_numbers(logits, present)
            if sampling:
                # Empty slots draw too, with the numbers of the last answer; the result is discarded.
                chosen = _draw(logits, sampling.temperature, draws[paper[:, None], answer, step])
                close = torch.zeros_like(chosen, dtype=torch.bool)
            else:
                best = logits.topk(2, dim=-1)
                chosen = best.indices[..., 0]
                close = (best.values[..., 0] - best.values[..., 1]) < NEAR_TIE
            if used is not None:
                used = used.scatter(2, chosen[..., None], value=True)
            rows = zip(paper.tolist(), answer.tolist(), chosen.tolist(), close.tolist(), strict=True)
            for owner, numbers, row_tokens, ties in rows:
                for number, token, tie in zip(numbers, row_tokens, ties, strict=True):
                    if number >= 0:
                        certain[owner][number] &= not tie
                        if guarded:
                            guarded[owner][number].append(token)
                        if token not in rules.end_tokens:
                            tokens[owner][number].append(token)
            answer = torch.where(torch.isin(chosen, ends), -1, answer)
            if step == max_new_tokens - 1 or not (answer >= 0).any():
                break
            # Finished answers are not computed any further: finished papers leave the batch, and the slots with
            # unfinished answers move to the front of their row.
            working = (answer >= 0).any(dim=1)
            if not working.all():
                kept = working.nonzero()[:, 0]
                cache.batch_select_indices(kept)
                answer, chosen, positions, seen, paper = (
                    tensor[kept] for tensor in (answer, chosen, positions, seen, paper)
                )
                used = None if used is None else used[kept]
            slots = int((answer >= 0).sum(dim=1).max())
            if slots < answer.shape[1]:
                order = (answer < 0).to(torch.int8).argsort(dim=1, stable=True)[:, :slots]
                answer, chosen, positions = (tensor.gather(1, order) for tensor in (answer, chosen, positions))
                seen = seen.gather(1, order[:, :, None].expand(-1, -1, seen.shape[2]))
                used = None if used is None else used.gather(1, order[:, :, None].expand(-1, -1, used.shape[2]))
            own = torch.eye(slots, dtype=torch.bool, device=device).expand(len(paper), -1, -1)
            seen = torch.cat([seen, own], dim=2)
            positions = positions + 1
            logits = _read(model, cache, chosen, seen, positions)
    return [
        [TokenAnswer(*answer) for answer in zip(*paper, strict=True)] for paper in zip(tokens, certain, strict=True)
    ]


def _used_tokens(papers: list[list[list[int]]], samples: int, logits: torch.Tensor) -> torch.Tensor:
    """Return for each slot which tokens its prompt has, in the shape of `logits`."""
    used = torch.zeros_like(logits, dtype=torch.bool)
    for row, prompts in zip(used, papers, strict=True):
        for number, prompt in enumerate(prompts):
            row[number * samples : (number + 1) * samples, prompt] = True
    return used


def _random_numbers(papers: list[list[list[int]]], sampling: AnswerSampling, steps: int) -> torch.Tensor:
    """Return the uniform random numbers in [0, 1) from which the tokens are drawn: (papers, slots, steps)."""
    draws = torch.zeros(len(papers), max(map(len, papers)) * sampling.samples, steps)
    for row, prompts in zip(draws, papers, strict=True):
        for number, prompt in enumerate(prompts):
            for sample in range(sampling.samples):
                digest = hashlib.sha256(f"{sampling.seed} {sample} {prompt}".encode()).digest()
                generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
                row[number * sampling.samples + sample] = torch.rand(steps, generator=generator)
    return draws


def _draw(logits: torch.Tensor, temperature: float, numbers: torch.Tensor) -> torch.Tensor:
    """Return a token for each slot: the first whose cumulative probability exceeds the slot's random number."""
    ends = (logits.float() / temperature).softmax(dim=-1).cumsum(dim=-1)
    drawn = torch.searchsorted(ends, numbers[..., None] * ends[..., -1:], right=True)[..., 0]
    # By rounding, a number can reach the last sum. The first token with this sum is the last that is not masked.
    return torch.where(drawn < logits.shape[-1], drawn, ends.argmax(dim=-1))


def first_logits(model: PreTrainedModel, prompts: list[list[int]]) -> torch.Tensor:
    """Read the prompts of one paper together and return the logits after each of them: (prompts, vocabulary)."""
    with torch.inference_mode(), attention_by(GROUPED, model):
        return _read_prompts(model, [prompts], preallocated_cache(model, cache_columns([prompts], 0)))[0][0]


def _read_prompts(
    model: PreTrainedModel, papers: list[list[list[int]]], cache: Cache
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Fill the cache with the prompts.

    Return for each paper and slot the logits after the prompt (papers, slots, vocabulary), the columns of the cache
    that the slot sees (papers, slots, columns), and the position of the prompt's last token (papers, slots).
    """
    device = model.device
    slots = max(len(prompts) for prompts in papers)
    shared = torch.tensor([shared_length(prompts) for prompts in papers])
    rests = [[prompt[length:] for prompt in prompts] for prompts, length in zip(papers, shared.tolist(), strict=True)]
    columns, width = int(shared.max()), max(sum(map(len, paper_rests)) for paper_rests in rests)
    # Padding may be any token: the mask hides what follows a row's shared part.
    beginnings = torch.zeros(len(papers), columns, dtype=torch.long)
    ids, positions = torch.zeros(2, len(papers), width, dtype=torch.long)
    owner = torch.full((len(papers), width), -1)
    last = torch.zeros(len(papers), slots, dtype=torch.long)
    for row, (prompts, length) in enumerate(zip(papers, shared.tolist(), strict=True)):
        beginnings[row, :length] = torch.tensor(prompts[0][:length])
        start = 0
        for slot, rest in enumerate(rests[row]):
            span = slice(start, start + len(rest))
            ids[row, span] = torch.tensor(rest)
            positions[row, span] = torch.arange(length, length + len(rest))
            owner[row, span] = slot
            start += len(rest)
            last[row, slot] = start - 1

    if columns:
        model(input_ids=beginnings.to(device), past_key_values=cache, use_cache=True, logits_to_keep=1)
    is_shared = torch.arange(columns) < shared[:, None]
    same_question = (owner[:, :, None] == owner[:, None, :]).tril()
    seen = torch.cat([is_shared[:, None].expand(-1, width, -1), same_question], dim=2)
    last = last.to(device)

    def keep_ends(head: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        states = inputs[0]
        return (states.gather(1, last[:, :, None].expand(-1, -1, states.shape[2])),)

    # The prompts of a row end at different columns. The vocabulary is so large that the logits of every column would
    # take gigabytes, so only the hidden states of the ends are passed to the head.
    head = cast("torch.nn.Module", model.get_output_embeddings())  # type: ignore[no-untyped-call]  # not annotated
    hook = head.register_forward_pre_hook(keep_ends)
    try:
        logits = _read(model, cache, ids.to(device), seen.to(device), positions.to(device))
    finally:
        hook.remove()
    own = owner[:, None] == torch.arange(slots)[:, None]
    seen = torch.cat([is_shared[:, None].expand(-1, slots, -1), own], dim=2)
    return logits, seen.to(device), positions.to(device).gather(1, last)


def _read(
    model: PreTrainedModel, cache: Cache, ids: torch.Tensor, seen: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    mask = seen[:, None]
    read = model(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
    return cast(torch.Tensor, read.logits)
