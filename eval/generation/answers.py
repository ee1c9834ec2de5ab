"""Answers to questions on abstracts, in batches of papers: greedy ones, the same whatever the batch, or samples."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.prompt import MAX_ANSWER_TOKENS, fit_prompt
from eval.generation.shared_prefix import NEAR_TIE, Sampling, TokenAnswer, answer_papers, cache_columns, first_logits
from eval.models import ModelFolder, tokenizer_folder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

# Questions at a time. On a CPU more gain little (RESULTS.md: 45 nothing over 16), and a kill loses a batch; on a GPU a
# step takes as long for a thousand as for one, until memory or arithmetic is full.
ON_CPU, ON_GPU = 48, 1024
# Of the memory that is free, what the keys and values of a batch may take: they are copied when papers are finished,
# and activations and logits take their part.
SHARE_OF_MEMORY = 0.25
# Where the logits of a prompt read by `answer_papers` differ by more than this from those of the prompt alone, the
# model does not follow the mask, or not closely enough for `NEAR_TIE` to tell a tie. SmolLM2's differ by 0.00004.
SAME_LOGITS = NEAR_TIE / 2


def load_model(
    folder: ModelFolder, device: torch.device | str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model in float32, an adapter merged into its base, and the tokenizer.

    On `device`; None is the GPU where there is one, else the CPU. Raises `InputError` for a folder that cannot be
    loaded, and for one whose weights are not all there, which transformers would make up at random.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = folder.base or folder
    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            weights.path, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        if folder.base:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, folder.path).merge_and_unload()
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder(folder))
    except InputError:
        raise
    except Exception as error:  # the libraries raise errors of no one class for what they cannot load
        raise InputError(
            f"{folder.name}={folder.given}: cannot be loaded as a causal language model "
            f"({type(error).__name__}: {error}); train or download it again"
        ) from error
    if found["missing_keys"]:
        raise InputError(
            f"{folder.name}={folder.given}: has no weights for {sorted(found['missing_keys'])[0]} and "
            f"{len(found['missing_keys']) - 1} more; give a causal language model with all of its weights"
        )
    model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
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
    not suffice is halved, and those after it are no larger. The answers are those of `answer_alone`: where two tokens
    are so close that the batch could decide between them, the question is answered again by itself.

    Raises `InputError` for a question that is too long, and where memory does not suffice for one at a time.
    """
    prompts = encode_prompts(model, tokenizer, rows)
    if len(rows) == 1:
        yield {0: answer_alone(model, tokenizer, prompts[0])}
        return
    papers = group_by_paper(rows, prompts)
    if papers and not _follows_masks(model, papers, prompts):
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

    Raises `InputError` as it does, and for a model that cannot read several questions at once.
    """
    prompts = encode_prompts(model, tokenizer, rows)
    papers = group_by_paper(rows, prompts)
    if papers and not _follows_masks(model, papers, prompts):
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
    import torch

    samples = sampling.samples if sampling else 1
    limit = batch_size or max(1, (ON_GPU if model.device.type == "cuda" else ON_CPU) // samples)
    tokens = _tokens_that_fit(model)
    waiting = plan_batches(papers, prompts, limit, tokens, samples)
    while waiting:
        batch = waiting[0]
        answers = None
        try:
            answers = answer_papers(
                model,
                [[prompts[number] for number in paper] for paper in batch],
                tokenizer.eos_token_id,
                MAX_ANSWER_TOKENS,
                sampling,
            )
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
        if answers is None:
            # Only here: the error held on to what the failed batch had taken.
            torch.cuda.empty_cache()
            questions = sum(map(len, batch))
            if questions == 1:
                asked = f"{samples} samples of an answer; draw fewer" if sampling else "one question; free some"
                raise InputError(f"the memory of {model.device} does not suffice for {asked}, or use another device")
            logger.warning("Out of memory with %d questions at a time; going on with half", questions)
            limit = questions // 2
            waiting = plan_batches([paper for of in waiting for paper in of], prompts, limit, tokens, samples)
            continue
        waiting.pop(0)
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
    """Return the token ids of each row's prompt, which leave room for the longest answer.

    Raises `InputError` for a question that leaves no room for it, whatever is cut off the abstract.
    """
    # Some architectures count positions without an end, and name none.
    positions = getattr(model.config, "max_position_embeddings", None)
    room = positions - MAX_ANSWER_TOKENS if positions else sys.maxsize
    prompts = []
    for row in rows:
        prompt = fit_prompt(tokenizer, row["instruction"], row["context"], row["question"], room)
        prompts.append(tokenizer(prompt)["input_ids"])
        if len(prompts[-1]) > room:
            raise InputError(
                f"the question {row['question'][:60]!r}... takes {len(prompts[-1])} tokens without any abstract, and "
                f"the model reads {room} beside an answer of {MAX_ANSWER_TOKENS}; shorten the question"
            )
    return prompts


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


def _follows_masks(model: PreTrainedModel, papers: list[list[int]], prompts: list[list[int]]) -> bool:
    """Say whether the model computes for prompts that share a row what it computes for each alone.

    Some architectures take no four-dimensional mask, or count positions by themselves.
    """
    import torch

    paper = next((paper for paper in papers if len(paper) > 1), papers[0])
    tried = [prompts[number] for number in paper[:2]]
    try:
        together = first_logits(model, tried)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:  # as each takes what it cannot read
        if _is_out_of_memory(error):
            raise InputError(f"the memory of {model.device} does not suffice for two questions; free some") from error
        return False
    with torch.inference_mode():
        alone = [model(torch.tensor([prompt], device=model.device)).logits[0, -1] for prompt in tried]
    return bool((together - torch.stack(alone)).abs().max() < SAME_LOGITS)


def _is_out_of_memory(error: Exception) -> bool:
    from accelerate.utils.memory import should_reduce_batch_size

    return should_reduce_batch_size(error)
