"""Answers to questions on abstracts, in batches of papers: greedy ones, the same whatever the batch, or samples."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.prompt import MAX_ANSWER_TOKENS, fit_prompt
from eval.model_folder import ModelFolder
from eval.shared_prefix import Sampling, TokenAnswer, answer_papers, cache_columns, first_logits

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

# Questions at a time. On a CPU more gain little, and a kill loses those of a batch; on a GPU a step takes as long for
# a thousand as for one, until memory or arithmetic is full.
ON_CPU, ON_GPU = 96, 1024
# Of the memory that is free, what the keys and values of a batch may take: they are copied when papers are finished,
# and activations and logits take their part.
SHARE_OF_MEMORY = 0.25
# Where the logits of a prompt read by `answer_papers` differ by more than this from those of the prompt alone, the
# model does not follow the mask.
SAME_LOGITS = 1e-2


def load_model(
    folder: ModelFolder, device: torch.device | str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model in float32, an adapter merged into its base, and the tokenizer.

    On `device`; None is the GPU where there is one, else the CPU.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = folder.base or folder
    model = AutoModelForCausalLM.from_pretrained(weights.path, dtype=torch.float32, use_safetensors=True)
    if folder.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder.path).merge_and_unload()
    model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder.path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def answer_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    batch_size: int | None = None,
) -> Iterator[dict[int, str]]:
    """Yield the greedy answers to `rows` (instruction, context, question) a batch at a time, by row number.

    `batch_size` is the most questions at a time, by default as many as the device takes. A batch for which memory does
    not suffice is halved. The answers are those of `answer_alone`: where two tokens are so close that the batch could
    decide between them, the question is answered again by itself.
    """
    prompts = encode_prompts(model, tokenizer, rows)
    if len(rows) == 1:
        yield {0: answer_alone(model, tokenizer, prompts[0])}
        return
    papers = group_by_paper(rows, prompts)
    if papers and not _follows_masks(model, [prompts[number] for number in papers[0][:2]]):
        logger.warning("This model cannot read several questions at once; it answers one at a time, which is slower")
        for number in (number for paper in papers for number in paper):
            yield {number: answer_alone(model, tokenizer, prompts[number])}
        return
    for batch in _in_batches(model, tokenizer, papers, prompts, batch_size, None):
        yield {
            number: _text(tokenizer, answer.tokens)
            if answer.certain
            else answer_alone(model, tokenizer, prompts[number])
            for number, (answer,) in batch.items()
        }


def sample_in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    sampling: Sampling,
    batch_size: int | None = None,
) -> Iterator[dict[int, list[str]]]:
    """Yield `sampling.samples` answers to each of `rows`, in batches as `answer_in_batches` makes them.

    Raises `InputError` for a model that cannot read several questions at once.
    """
    prompts = encode_prompts(model, tokenizer, rows)
    papers = group_by_paper(rows, prompts)
    if papers and not _follows_masks(model, [prompts[number] for number in papers[0][:2]]):
        raise InputError(
            f"{model.config.model_type}: a model of this kind cannot answer several times at once; let it answer "
            "greedily"
        )
    for batch in _in_batches(model, tokenizer, papers, prompts, batch_size, sampling):
        yield {number: [_text(tokenizer, answer.tokens) for answer in answers] for number, answers in batch.items()}


def _in_batches(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    papers: list[list[int]],
    prompts: list[list[int]],
    batch_size: int | None,
    sampling: Sampling | None,
) -> Iterator[dict[int, list[TokenAnswer]]]:
    """Yield the answers to each prompt, several where `sampling` asks for them, a batch at a time, by row number."""
    samples = sampling.samples if sampling else 1
    limit = batch_size or max(1, (ON_GPU if model.device.type == "cuda" else ON_CPU) // samples)
    waiting = plan_batches(papers, prompts, limit, _tokens_that_fit(model), samples)
    while waiting:
        batch = waiting.pop(0)
        try:
            answers = answer_papers(
                model,
                [[prompts[number] for number in paper] for paper in batch],
                tokenizer.eos_token_id,
                MAX_ANSWER_TOKENS,
                sampling,
            )
        except RuntimeError as error:
            waiting = _halved(batch, error) + waiting
            continue
        yield {
            number: of_paper[place * samples : (place + 1) * samples]
            for paper, of_paper in zip(batch, answers, strict=True)
            for place, number in enumerate(paper)
        }


def _text(tokenizer: PreTrainedTokenizerBase, tokens: Any) -> str:
    return tokenizer.decode(tokens, skip_special_tokens=True).strip()


def answer_alone(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: list[int]) -> str:
    """Return the greedy answer to one prompt, given as token ids, by transformers' own generation."""
    import torch

    inputs = torch.tensor([prompt], device=model.device)
    with torch.inference_mode():
        tokens = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=MAX_ANSWER_TOKENS,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    return _text(tokenizer, tokens[0, len(prompt) :])


def encode_prompts(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[dict[str, Any]]
) -> list[list[int]]:
    """Return the token ids of each row's prompt, which leave room for the longest answer."""
    room = model.config.max_position_embeddings - MAX_ANSWER_TOKENS
    prompts = [fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], room) for row in rows]
    return [tokenizer(prompt)["input_ids"] for prompt in prompts]


def group_by_paper(rows: list[dict[str, Any]], prompts: list[list[int]]) -> list[list[int]]:
    """Return the row numbers of each abstract's questions, the longest prompts first."""
    papers: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        papers.setdefault((row["instruction"], row["context"]), []).append(number)
    return sorted(papers.values(), key=lambda numbers: -max(len(prompts[number]) for number in numbers))


def plan_batches(
    papers: list[list[int]], prompts: list[list[int]], questions: int, tokens: int, samples: int = 1
) -> list[list[list[int]]]:
    """Return `papers` (row numbers by paper) in batches of at most so many questions and so many tokens in the cache.

    A paper with more questions than a batch may hold is cut. A batch holds one paper at least.
    """
    batches: list[list[list[int]]] = []
    for whole in papers:
        for start in range(0, len(whole), questions):
            paper = whole[start : start + questions]
            longer = [*batches[-1], paper] if batches else []
            if longer and sum(map(len, longer)) <= questions and _cached(longer, prompts, samples) <= tokens:
                batches[-1] = longer
            else:
                batches.append([paper])
    return batches


def _cached(batch: list[list[int]], prompts: list[list[int]], samples: int) -> int:
    """Return the tokens in the cache of a batch at its end, padding included."""
    columns = cache_columns([[prompts[number] for number in paper] for paper in batch], MAX_ANSWER_TOKENS, samples)
    return len(batch) * columns


def _tokens_that_fit(model: PreTrainedModel) -> int:
    """Return how many tokens' keys and values fit into the share of the free memory that a batch may take."""
    import psutil
    import torch

    with torch.inference_mode():
        cache = model(torch.zeros(1, 1, dtype=torch.long, device=model.device), use_cache=True).past_key_values
    bytes_a_token = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    on_gpu = model.device.type == "cuda"
    free = torch.cuda.mem_get_info(model.device)[0] if on_gpu else psutil.virtual_memory().available
    return int(free * SHARE_OF_MEMORY) // bytes_a_token


def _follows_masks(model: PreTrainedModel, prompts: list[list[int]]) -> bool:
    """Say whether the model computes for prompts that share a row what it computes for each alone.

    Some architectures take no four-dimensional mask, or count positions by themselves.
    """
    import torch

    try:
        together = first_logits(model, prompts)
    except (RuntimeError, TypeError, ValueError, AttributeError):  # as each architecture takes what it cannot read
        return False
    with torch.inference_mode():
        alone = [model(torch.tensor([prompt], device=model.device)).logits[0, -1] for prompt in prompts]
    return bool((together - torch.stack(alone)).abs().max() < SAME_LOGITS)


def _halved(batch: list[list[int]], error: RuntimeError) -> list[list[list[int]]]:
    """Return the two halves of a batch that `error` says was too large for the memory; raise any other error."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    if not should_reduce_batch_size(error) or batch == [batch[0][:1]]:
        raise error
    torch.cuda.empty_cache()
    if len(batch) == 1:
        middle = len(batch[0]) // 2
        halves = [[batch[0][:middle]], [batch[0][middle:]]]
    else:
        halves = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
    logger.warning("Out of memory with %d questions at a time; going on with half", sum(map(len, batch)))
    return halves
