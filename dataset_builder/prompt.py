"""Build the prompt: plain text, the same for every base model, in training and evaluation."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTRUCTION = "Read the abstract and answer the question"
# The largest number of tokens of an answer, in training and evaluation.
MAX_ANSWER_TOKENS = 64


def build_prompt(instruction: str, context: str, question: str) -> str:
    """Return the prompt. It ends without a space, since the completion begins with one."""
    return f"{instruction}.\n\nAbstract: {context}\n\nQuestion: {question}\n\nAnswer:"


def build_completion(answer: str) -> str:
    """Return the completion of the prompt. With the leading space, BPE has one token for a common first word."""
    return f" {answer}"


def fit_prompt(
    tokenizer: "PreTrainedTokenizerBase", instruction: str, context: str, question: str, max_tokens: int
) -> str:
    """Return the prompt in at most `max_tokens` tokens; the end of an abstract that is too long is cut off.

    The question is never cut. If it leaves no room for the abstract, the prompt exceeds the limit.
    """

    def encode(kept: str) -> list[int]:
        ids: list[int] = tokenizer(build_prompt(instruction, kept, question))["input_ids"]
        return ids

    return build_prompt(instruction, fit_context(tokenizer, context, max_tokens, encode), question)


def fit_context(
    tokenizer: "PreTrainedTokenizerBase", context: str, max_tokens: int, encode: Callable[[str], list[int]]
) -> str:
    """Return the longest beginning of an abstract with which a prompt has at most `max_tokens` tokens.

    `encode` returns the token ids of the prompt with a given abstract.
    """
    if len(encode(context)) <= max_tokens:
        return context
    # One token is reserved: the cut abstract may have one token more than its part of the whole text.
    room = max_tokens - len(encode("")) - 1
    ends = [end for _, end in tokenizer(context, return_offsets_mapping=True)["offset_mapping"]]
    return context[: ends[room - 1]] if room > 0 else ""


def shared_length(prompts: Sequence[list[int]]) -> int:
    """Return how many tokens the prompts of one paper have in common; at least one token of each is not shared."""
    shortest = min(map(len, prompts)) - 1
    columns = enumerate(zip(*(prompt[:shortest] for prompt in prompts), strict=True))
    return next((column for column, tokens in columns if len(set(tokens)) > 1), shortest)
